import { labelMatrix } from '@tessera/dataset';
import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import {
  type AnalysisQuestion,
  analyzeMatrix,
  analyzeOperator,
  type BlockProduct,
  type SpectrumResult,
  scoreStrip,
} from '../src/index.js';
import { erfComplements, spherePoints } from './erf-complements.js';

const linalg = openLinalg({ threads: 2 });
const size = 300;
const classes = 10;
const train = spherePoints(size, 60, 3);
const test = spherePoints(40, 60, 4);
const trainLabels = Int32Array.from({ length: size }, (_, i) => (i * i) % classes);

function question(reference: number, rest: Partial<AnalysisQuestion> = {}): AnalysisQuestion {
  return {
    size,
    reference,
    deviations: new Float64Array(size),
    precision: 'f64',
    labels: labelMatrix(trainLabels, classes, 'centered', trainLabels),
    meanLabels: labelMatrix(trainLabels, classes, 'centered-over-images', trainLabels),
    classes,
    trainLabels,
    spectrum: { top: 20 },
    diagReg: [0, 1e-3, 1],
    times: [],
    wantSolutions: true,
    ...rest,
  };
}

/** Products with a matrix in memory, counting the passes. */
function counted(matrix: Float64Array): { product: BlockProduct; passes: () => number } {
  let passes = 0;
  return {
    passes: () => passes,
    product(x, columns) {
      passes++;
      return linalg.gemm({ m: size, n: columns, k: size, a: matrix, b: x });
    },
  };
}

async function compare(weight: number, bias: number, depth: number) {
  const { complement, matrix, reference } = erfComplements(train, train, weight, bias, depth);
  const cross = erfComplements(test, train, weight, bias, depth);
  const asked = question(reference);
  const passes = counted(complement);
  const outOfCore = await analyzeOperator(linalg, {
    ...asked,
    operator: { multiply: passes.product, multiplyMatrix: counted(matrix).product },
    diagonal: new Float64Array(size),
  });
  const dense = await analyzeMatrix(linalg, {
    ...asked,
    complement: complement.slice(),
    async readMatrix(into) {
      into.set(matrix);
    },
    learningRate: 'max',
  });
  const predict = async ({ predictor }: SpectrumResult) => {
    const rows = test.length;
    const scored = await scoreStrip(linalg, {
      predictor,
      values: predictor.route === 'graded' ? cross.complement : cross.matrix,
      rowDeviations: new Float64Array(rows),
      rows,
      size,
      classes,
      testLabels: new Int32Array(rows),
      targets: new Float64Array(rows * classes),
      meanTargets: new Float64Array(rows * classes),
    });
    return scored.predictions;
  };
  return {
    dense,
    outOfCore,
    passes: passes.passes(),
    densePredictions: await predict(dense),
    predictions: await predict(outOfCore),
  };
}

const phases = [
  ['ordered', 1, 0.18, 60, 'graded'],
  ['critical', 1.375839, 0.05, 20, 'graded'],
  ['chaotic', 2.5, 0, 12, 'plain'],
] as const;

describe.each(phases)('out of core, %s', (_, weight, bias, depth, route) => {
  it('gives the numbers of the matrix in memory', async () => {
    const { dense, outOfCore, passes, densePredictions, predictions } = await compare(weight, bias, depth);
    expect(outOfCore.predictor.route).toBe(route);
    expect(outOfCore.warnings).toEqual([expect.stringContaining('lambdaMin and conditionNumber are null')]);
    expect(outOfCore.eigenvalues).toHaveLength(20);
    dense.eigenvalues?.forEach((value, i) => {
      expect((outOfCore.eigenvalues?.[i] as number) / value).toBeCloseTo(1, 11);
    });
    for (const name of ['lambdaMax', 'lambdaBulk', 'kappa', 'maxLearningRate', 'trace'] as const) {
      expect((outOfCore[name] as number) / (dense[name] as number), name).toBeCloseTo(1, 11);
    }
    // Blocks of columns are solved together: each block has its own scale.
    const columns = densePredictions.length / test.length;
    for (let block = 0; block < columns / classes; block++) {
      let largest = 0;
      let worst = 0;
      densePredictions.forEach((value, i) => {
        if (Math.floor((i % columns) / classes) !== block) return;
        largest = Math.max(largest, Math.abs(value));
        worst = Math.max(worst, Math.abs(value - (predictions[i] as number)));
      });
      expect(worst / largest, `block ${block}`).toBeLessThan(1e-7);
    }
    outOfCore.train.regression.forEach(({ accuracy, loss }, i) => {
      expect(accuracy).toBe(dense.train.regression[i]?.accuracy);
      expect(loss).toBeCloseTo(dense.train.regression[i]?.loss as number, 9);
    });
    expect(passes).toBeLessThan(400);
  });
});

describe('out of core', () => {
  const { complement, matrix, reference } = erfComplements(train, train, 1, 0.18, 30);
  const operator = { multiply: counted(complement).product, multiplyMatrix: counted(matrix).product };
  const diagonal = new Float64Array(size);

  it('says what did not converge, and how far it is', async () => {
    const result = await analyzeOperator(linalg, {
      ...question(reference),
      operator,
      diagonal,
      mostProducts: 4,
    });
    const told = result.warnings.join('\n');
    expect(told).toContain('The largest eigenvalues did not converge in 4 passes');
    expect(told).toMatch(/With diagReg 0 conjugate gradients did not converge/);
    expect(told).toContain('meanPredictorNorm');
    expect(result.lambdaMax).not.toBeNull();
  });

  it('has no gradient flow, by name, and no spectrum where none is asked for', async () => {
    const asked = question(reference, { times: [1, 8], spectrum: 'none', diagReg: [] });
    const result = await analyzeOperator(linalg, {
      ...asked,
      wantSolutions: false,
      operator,
      diagonal,
    });
    expect(result).toMatchObject({ eigenvalues: null, lambdaMax: null, status: 'ok' });
    expect(result.train.dynamics).toEqual([
      { accuracy: null, loss: null },
      { accuracy: null, loss: null },
    ]);
    const told = result.warnings.join('\n');
    for (const name of ['dynamics[*].trainLoss', 'dynamics[*].testLoss', 'lambdaMax', 'meanPredictorNorm'])
      expect(told).toContain(name);
  });

  it('finds a matrix that is not positive definite, and one that is not finite', async () => {
    const asked = question(1, { diagReg: [0] });
    const negative = new Float64Array(size * size);
    for (let i = 0; i < size; i++) negative[i * (size + 1)] = i === 5 ? -1 : 1 + i / size;
    const deviations = Float64Array.from(
      { length: size },
      (_, i) => (negative[i * (size + 1)] as number) - 1,
    );
    const missing = negative.map((value, at) => {
      const [row, col] = [Math.floor(at / size), at % size];
      return row === col ? 0 : 1 + (deviations[row] as number) / 2 + (deviations[col] as number) / 2 - value;
    });
    const about = (e: Float64Array, m: Float64Array) =>
      analyzeOperator(linalg, {
        ...asked,
        deviations,
        operator: { multiply: counted(e).product, multiplyMatrix: counted(m).product },
        diagonal,
      });
    const indefinite = await about(missing, negative);
    expect(indefinite.predictor.route).toBe('plain');
    expect(indefinite.status).toBe('ill-conditioned');
    expect(indefinite.warnings.join()).toContain('with diagReg 0 the matrix is not positive definite');
    expect(indefinite.train.regression[0]).toEqual({ accuracy: null, loss: null });

    const broken = await about(
      missing.map((value, i) => (i === 7 ? Number.NaN : value)),
      negative,
    );
    expect(broken.status).toBe('overflow');
    expect(broken.eigenvalues?.every(Number.isNaN)).toBe(true);
    expect(broken.warnings.join()).toContain('the sum of row 0 is NaN');
  });

  it('finds an eigenvalue as often as it is there', async () => {
    // 11^T + I, and the same with ten images that differ more.
    for (const own of [(_: number) => 1, (i: number) => (i < 10 ? 3 : 1)]) {
      const variances = Float64Array.from({ length: size }, (_, i) => own(i));
      const e = Float64Array.from({ length: size * size }, (_, at) => {
        const [row, col] = [Math.floor(at / size), at % size];
        return row === col ? 0 : ((variances[row] as number) + (variances[col] as number)) / 2;
      });
      const m = e.map((_, at) => 1 + (at % (size + 1) === 0 ? own(at / (size + 1)) : 0));
      const result = await analyzeOperator(linalg, {
        ...question(2, { diagReg: [0], spectrum: { top: 30 } }),
        deviations: variances.map((value) => value - 1),
        operator: { multiply: counted(e).product, multiplyMatrix: counted(m).product },
        diagonal,
      });
      const dense = (await linalg.eigh(m.slice(), size, false)).values.slice(size - 30);
      dense.forEach((value, i) => {
        expect((result.eigenvalues?.[i] as number) / value).toBeCloseTo(1, 11);
      });
      expect(result.warnings).toHaveLength(1);
    }
  });

  it.each([1, 2, 3])('takes %d images', async (count) => {
    const kept = train.slice(0, count);
    const kernels = erfComplements(kept, kept, 1, 0.18, 5);
    const multiply = (a: Float64Array): BlockProduct => {
      return (x, columns) => linalg.gemm({ m: count, n: columns, k: count, a, b: x });
    };
    const labels = labelMatrix(trainLabels.subarray(0, count), classes, 'centered', trainLabels);
    const asked = {
      ...question(kernels.reference, { spectrum: { top: count }, diagReg: [0.1] }),
      size: count,
      deviations: new Float64Array(count),
      labels,
      meanLabels: labels,
      trainLabels: trainLabels.subarray(0, count),
    };
    const outOfCore = await analyzeOperator(linalg, {
      ...asked,
      operator: { multiply: multiply(kernels.complement), multiplyMatrix: multiply(kernels.matrix) },
      diagonal: new Float64Array(count),
    });
    const dense = await analyzeMatrix(linalg, {
      ...asked,
      complement: kernels.complement.slice(),
      async readMatrix(into) {
        into.set(kernels.matrix);
      },
      learningRate: 'max',
    });
    dense.eigenvalues?.forEach((value, i) => {
      expect((outOfCore.eigenvalues?.[i] as number) / value).toBeCloseTo(1, 11);
    });
    expect(outOfCore.train.regression[0]?.loss).toBeCloseTo(dense.train.regression[0]?.loss as number, 11);
  });
});
