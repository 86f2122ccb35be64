/** An experiment's rows made up from theory: accuracy falls beyond 8 depth scales, as it does on images. */

import type { FigureExperiment } from '@tessera/figures';
import {
  type AnalysisRow,
  type ExperimentSpec,
  type ExperimentSpecInput,
  expandAxis,
  type KernelName,
  parseSpec,
  type TrainingRow,
} from '@tessera/spec';
import { meanField } from '@tessera/theory';

const base: ExperimentSpecInput = {
  name: 'made up',
  dataset: { id: 'cifar10', train: 64, test: 32 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: {
    weightVariance: { from: 0.5, to: 3, count: 11 },
    biasVariance: [0.18],
    depth: [0, 1, 2, 5, 10, 20, 50],
  },
  kernels: ['ntk', 'nngp'],
  analysis: { regression: { diagReg: [0, 0.1] }, dynamics: { times: [1, 64, 4096] } },
};

export function fabricatedExperiment(over: Partial<ExperimentSpecInput> = {}): FigureExperiment {
  const spec: ExperimentSpec = parseSpec({ ...base, ...over });
  return {
    id: 'e0made0up',
    name: spec.name,
    spec,
    pixels: 1024,
    isSynthetic: false,
    software: 'tessera 0.1.0',
  };
}

export function fabricatedRows({ spec }: FigureExperiment): AnalysisRow[] {
  const { weightVariance, biasVariance, depth } = spec.grid;
  return spec.kernels.flatMap((kernel) =>
    expandAxis(weightVariance).flatMap((weight) =>
      expandAxis(biasVariance).flatMap((bias) =>
        expandAxis(depth).map((layers) => fabricatedRow(spec, kernel, weight, bias, layers)),
      ),
    ),
  );
}

function fabricatedRow(
  spec: ExperimentSpec,
  kernel: KernelName,
  weightVariance: number,
  biasVariance: number,
  depth: number,
): AnalysisRow {
  const field = meanField(spec.architecture.activation, weightVariance, biasVariance);
  const trains = Math.exp(-((depth / (8 * (field.xi1 ?? 1e9))) ** 4));
  const generalizes = trains * Math.exp(-((depth / (8 * (field.xiStar ?? 1e9))) ** 4));
  const scores = (share: number) => ({
    trainAccuracy: 0.1 + 0.9 * trains * share,
    testAccuracy: 0.1 + 0.25 * generalizes * share,
    trainLoss: 0.45 * (1 - 0.99 * trains * share),
    testLoss: 0.45 * (1 - 0.3 * generalizes * share),
  });
  const lambdaBulk = 0.4 * (field.chi1 ?? 1) ** depth;
  const lambdaMax = 70 + lambdaBulk;
  return {
    kernel,
    weightVariance,
    biasVariance,
    depth,
    phase: field.phase,
    qStar: field.qStar,
    cStar: field.cStar,
    chi1: field.chi1,
    xi1: field.xi1,
    xiStar: field.xiStar,
    lambdaMax,
    lambdaBulk,
    lambdaMin: lambdaBulk / 10,
    kappa: lambdaMax / lambdaBulk,
    conditionNumber: (10 * lambdaMax) / lambdaBulk,
    maxLearningRate: 2 / lambdaMax,
    trace: 100,
    regression: (spec.analysis.regression?.diagReg ?? []).map((diagReg) => ({
      diagReg,
      ...scores(1 - diagReg),
    })),
    dynamics: (spec.analysis.dynamics?.times ?? []).map((time) => ({
      time,
      ...scores(1 - Math.exp(-time / 8)),
    })),
    meanPredictorNorm: generalizes,
    status: 'ok',
    warnings: [],
  };
}

/** Networks that do at the kernel's times what it predicts, a little worse. */
export function fabricatedTrainings(rows: readonly AnalysisRow[]): TrainingRow[] {
  return rows
    .filter(({ kernel }) => kernel === 'ntk')
    .map((row) => {
      const scores = row.dynamics.map(({ time, trainAccuracy, testAccuracy, trainLoss, testLoss }) => ({
        step: 2 * time,
        time,
        trainAccuracy: (trainAccuracy ?? 0) * 0.95,
        testAccuracy: (testAccuracy ?? 0) * 0.95,
        trainLoss,
        testLoss,
      }));
      const { weightVariance, biasVariance, depth, maxLearningRate } = row;
      const { step: _, time: __, ...last } = scores.at(-1) as (typeof scores)[number];
      return {
        ...{ weightVariance, biasVariance, depth, seed: 0, width: 512, images: 64, testImages: 32 },
        ...{
          batch: null,
          learningRate: (maxLearningRate ?? 0) / 2,
          maxLearningRate,
          steps: 8192,
          diverged: false,
        },
        ...last,
        scores,
        ...{ backend: 'wasm (cpu)', version: '4.22.0', seconds: 1, resumedFrom: 0, warnings: [] },
      };
    });
}
