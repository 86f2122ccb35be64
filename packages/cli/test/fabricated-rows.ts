import { type AnalysisRow, expandAxis, type KernelName } from '@tessera/spec';

const T = (q: number, k: number) => (2 / Math.PI) * Math.asin((2 * k) / (1 + 2 * q));
const dT = (q: number, k: number) => 4 / Math.PI / Math.sqrt((1 + 2 * q) ** 2 - 4 * k * k);

/** xi_1 and xi_* of erf by plain iteration: good to three digits away from the critical line. */
function depthScales(weightVariance: number, biasVariance: number) {
  let q = 1;
  for (let i = 0; i < 2000; i++) q = weightVariance * T(q, q) + biasVariance;
  let c = 0.5;
  for (let i = 0; i < 2000; i++) c = (weightVariance * T(q, c * q) + biasVariance) / q;
  const chi1 = weightVariance * dT(q, q);
  const chiC = weightVariance * dT(q, c * q);
  return {
    qStar: q,
    cStar: c,
    chi1,
    xi1: chi1 < 1 ? -1 / Math.log(chi1) : null,
    xiStar: chi1 > 1 ? -1 / (Math.log(chiC) - Math.log(chi1)) : null,
  };
}

/** Result rows with the shapes of the paper's figure; the accuracies are made up. */
export function fabricatedRows(
  options: { weightVariances?: number[]; depths?: number[]; kernels?: KernelName[] } = {},
): AnalysisRow[] {
  const weightVariances = options.weightVariances ?? expandAxis({ from: 0.5, to: 3, count: 40 });
  const depths = options.depths ?? [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    ...expandAxis({ from: 10, to: 105, step: 5 }),
  ];
  const rows: AnalysisRow[] = [];
  for (const kernel of options.kernels ?? (['ntk', 'nngp'] as const)) {
    for (const weightVariance of weightVariances) {
      const scales = depthScales(weightVariance, 0.18);
      for (const depth of depths) {
        const fadeTrain = scales.xi1 === null ? 1 : 1 / (1 + (depth / (8 * scales.xi1)) ** 6);
        const fadeTest = scales.xiStar === null ? fadeTrain : 1 / (1 + (depth / (8 * scales.xiStar)) ** 4);
        const scores = {
          time: 4096,
          trainAccuracy: 0.1 + 0.9 * fadeTrain,
          testAccuracy: 0.1 + 0.3 * fadeTest,
          trainLoss: 0.1,
          testLoss: 0.4,
        };
        rows.push({
          kernel,
          weightVariance,
          biasVariance: 0.18,
          depth,
          phase: scales.xi1 === null ? 'chaotic' : 'ordered',
          ...scales,
          lambdaMax: 12.3,
          lambdaMin: 1e-7,
          lambdaBulk: 0.4,
          kappa: 30.75,
          conditionNumber: 1.23e8,
          maxLearningRate: 0.1626,
          trace: 99,
          regression: [],
          dynamics: [{ ...scores, time: 1, trainAccuracy: 0.2, testAccuracy: 0.15 }, scores],
          meanPredictorNorm: 0.9,
          status: depth > 90 && scales.xi1 !== null ? 'ill-conditioned' : 'ok',
          warnings: [],
        });
      }
    }
  }
  return rows;
}
