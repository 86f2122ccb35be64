import { labelMatrix } from '@tessera/dataset';
import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import { type AnalysisRequest, analyzeMatrix, type SpectrumResult, solutionColumns } from '../src/index.js';
import { inComplementForm } from './complement-form.js';

const linalg = openLinalg({ threads: 2 });
const classes = 3;

/** A request about a matrix given by its entries; classes go round. */
function request(size: number, entry: (i: number, j: number) => number, rest: Partial<AnalysisRequest> = {}) {
  const matrix = Float64Array.from({ length: size * size }, (_, i) => entry(Math.floor(i / size), i % size));
  const trainLabels = Int32Array.from({ length: size }, (_, i) => i % classes);
  return {
    ...inComplementForm(matrix, size),
    size,
    labels: labelMatrix(trainLabels, classes, 'centered', trainLabels),
    meanLabels: labelMatrix(trainLabels, classes, 'centered-over-images', trainLabels),
    classes,
    trainLabels,
    spectrum: 'full',
    diagReg: [],
    times: [],
    learningRate: 'max',
    wantSolutions: true,
    ...rest,
  } satisfies AnalysisRequest;
}
const analyze = (...args: Parameters<typeof request>) => analyzeMatrix(linalg, request(...args));

/** A smooth kernel with known conditioning. */
const kernel = (i: number, j: number) => Math.exp(-0.5 * (i - j) ** 2) + 0.1 + (i === j ? 0.2 : 0);
const asked = { diagReg: [0.1, 0], times: [4096, 1, 8] };

/** Every null number of a result, by the name it has in a row. */
function nulls(result: SpectrumResult): string[] {
  const scalars = [
    'lambdaMax',
    'lambdaMin',
    'lambdaBulk',
    'kappa',
    'conditionNumber',
    'maxLearningRate',
    'trace',
  ] as const;
  const names: string[] = scalars.filter((name) => result[name] === null);
  for (const group of ['regression', 'dynamics'] as const) {
    result.train[group].forEach(({ accuracy, loss }, i) => {
      if (accuracy === null) names.push(`${group}[${i}].trainAccuracy`);
      if (loss === null) names.push(`${group}[${i}].trainLoss`);
    });
  }
  return names;
}

/** Each null has a warning with its name, and only nulls have. */
function expectNullsNamed(result: SpectrumResult): void {
  const named = (name: string) =>
    result.warnings.some((text) => text.includes(name) || text.includes(name.replace(/\[\d\]/, '[*]')));
  expect(nulls(result).filter((name) => !named(name))).toEqual([]);
  const numbers = Object.entries(result).filter(([, value]) => typeof value === 'number');
  for (const [name, value] of numbers) expect(value, name).toSatisfy(Number.isFinite);
}

const isNaNBlock = (result: SpectrumResult, size: number, block: number) => {
  const columns = result.predictor.solutions.length / size;
  return Array.from({ length: size * classes }, (_, i) => {
    const row = Math.floor(i / classes);
    return result.predictor.solutions[row * columns + block * classes + (i % classes)] as number;
  }).every(Number.isNaN);
};

describe('the spectrum', () => {
  it('of 11^T + I is known: bulk 1, lambdaMax m + 1', async () => {
    const size = 30;
    const result = await analyze(size, (i, j) => (i === j ? 2 : 1));
    expect(result.status).toBe('ok');
    expect(result.warnings).toEqual([]);
    expect(result.lambdaMax).toBeCloseTo(size + 1, 12);
    expect(result.lambdaBulk).toBeCloseTo(1, 13);
    expect(result.kappa).toBeCloseTo(size + 1, 11);
    expect(result.conditionNumber).toBeCloseTo(size + 1, 11);
    expect(result.maxLearningRate).toBeCloseTo(2 / (size + 1), 14);
    expect(result.trace).toBe(2 * size);
  });

  it('keeps its bulk where lambdaMax is 1e17 times larger', async () => {
    const result = await analyze(4, (i, j) => (i === j ? ([1e17, 3, 1, 2][i] ?? 0) : 0));
    expect(result.lambdaBulk).toBe(2);
    expect(result.kappa).toBe(5e16);
    expect(result.conditionNumber).toBe(1e17);
  });

  it('of one image has no bulk and no kappa, and says so', async () => {
    const result = await analyze(1, () => 4, asked);
    expect(result).toMatchObject({
      lambdaMax: 4,
      lambdaMin: 4,
      lambdaBulk: null,
      kappa: null,
      conditionNumber: 1,
    });
    expect(result.status).toBe('ok');
    expect(result.train.dynamics.map(({ accuracy }) => accuracy)).toEqual([1, 1, 1]);
    expectNullsNamed(result);
  });

  it('is null where the spec asks for none, and the matrix is only factored', async () => {
    const result = await analyze(9, kernel, { spectrum: 'none', diagReg: [0, 0.5] });
    expect(result).toMatchObject({ eigenvalues: null, lambdaMax: null, kappa: null, status: 'ok' });
    expect(result.trace).toBeCloseTo(9 * 1.3, 13);
    expect(result.train.regression.map(({ accuracy }) => accuracy)).toEqual([1, 1]);
    expectNullsNamed(result);
  });
});

describe('regression and dynamics', () => {
  it('keep the order of the request', async () => {
    const forward = await analyze(12, kernel, { diagReg: [0, 0.1, 2], times: [1, 8, 64] });
    const backward = await analyze(12, kernel, { diagReg: [2, 0.1, 0], times: [64, 8, 1] });
    expect(backward.train.regression).toEqual(forward.train.regression.toReversed());
    forward.train.dynamics.toReversed().forEach(({ loss }, i) => {
      expect(backward.train.dynamics[i]?.loss).toBeCloseTo(loss as number, 13);
    });
    const losses = forward.train.dynamics.map(({ loss }) => loss as number);
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
  });

  it('at time 0 predict zero for every image: ties go to the lowest class', async () => {
    const result = await analyze(9, kernel, { times: [0] });
    expect(result.train.dynamics).toEqual([{ accuracy: 1 / 3, loss: expect.closeTo(1 / 3, 14) }]);
  });

  it('take a learning rate as a number: half of it for twice the time is the same', async () => {
    const { train } = await analyze(9, kernel, { times: [6], learningRate: 0.25 });
    const half = await analyze(9, kernel, { times: [12], learningRate: 0.125, spectrum: 'none' });
    expect(half.train.dynamics).toEqual(train.dynamics);
    expect(half.lambdaMax).toBeNull();
  });

  it('give solutions whose product with the matrix is the prediction', async () => {
    const size = 12;
    const rest = request(size, kernel, asked);
    const { predictor } = await analyzeMatrix(linalg, rest);
    expect(predictor.route).toBe('plain');
    const matrix = new Float64Array(size * size);
    await rest.readMatrix(matrix);
    const layout = solutionColumns(asked.times, asked.diagReg, classes);
    const { columns } = layout;
    const f = await linalg.gemm({ m: size, n: columns, k: size, a: matrix, b: predictor.solutions });
    for (let row = 0; row < size; row++) {
      for (let c = 0; c < classes; c++) {
        const at = (block: number) => f[row * columns + block * classes + c];
        expect(at(layout.meanPredictor)).toBeCloseTo(rest.meanLabels[row * classes + c] as number, 12);
        expect(at(layout.ridge(1))).toBeCloseTo(rest.labels[row * classes + c] as number, 12);
        expect(at(layout.time(0))).toBeCloseTo(rest.labels[row * classes + c] as number, 12);
      }
    }
  });

  it('leave solution vectors NaN where there are no test images', async () => {
    const result = await analyze(6, kernel, { ...asked, wantSolutions: false });
    expect(result.predictor.solutions.every(Number.isNaN)).toBe(true);
    expect(result.train.regression[0]?.accuracy).toBe(1);
    expect(result.warnings.join()).toContain('meanPredictorNorm are null: there are no test images');
    const { train } = await analyze(6, kernel, asked);
    expect(result.train).toEqual(train);
  });

  it('do not depend on what else was asked', async () => {
    const size = 20;
    const alone = await analyze(size, kernel);
    const among = await analyze(size, kernel, asked);
    const mean = (result: SpectrumResult) =>
      Array.from(
        { length: size },
        (_, row) => result.predictor.solutions[(row * result.predictor.solutions.length) / size],
      );
    expect(mean(among)).toEqual(mean(alone));
  });
});

describe('a matrix that float64 cannot resolve', () => {
  it('is ill-conditioned and keeps every number that exists', async () => {
    const result = await analyze(16, (i, j) => (i === j ? 10 ** -(i + 3) : 0), {
      diagReg: [0.5],
      times: [1, 4096],
    });
    expect(result.status).toBe('ill-conditioned');
    expect(result.lambdaMax).toBe(1e-3);
    expect(result.eigenvalues?.every(Number.isFinite)).toBe(true);
    expect(result.kappa).not.toBeNull();
    expect(result.train.regression[0]?.loss).not.toBeNull();
    expect(result.train.dynamics.every(({ accuracy, loss }) => accuracy !== null && loss !== null)).toBe(
      true,
    );
    expectNullsNamed(result);
  });

  const diagonal = (last: number) => (i: number, j: number) =>
    i === j ? ([5, 4, 3, 2, 1, 0.5, 0.25, last][i] ?? 0) : 0;

  it('with a negative eigenvalue has no condition number, keeps its regression, and says where it comes from', async () => {
    const result = await analyze(8, diagonal(-1e-9), asked);
    expect(result.status).toBe('ill-conditioned');
    expect(result.conditionNumber).toBeNull();
    expect(result.lambdaMin).toBe(-1e-9);
    expect(result.train.regression[0]?.loss).not.toBeNull();
    expect(result.train.regression[1]).toEqual({ accuracy: 1, loss: 0 });
    expect(result.train.dynamics.every(({ loss }) => loss !== null)).toBe(true);
    expectNullsNamed(result);
    const told = result.warnings.find((text) => text.includes('regression[1].trainAccuracy'));
    expect(told).toContain('meanPredictorNorm');
    expect(told).toContain('pivot 8 of 8');
    expect(told).toContain('eigendecomposition');
    const layout = solutionColumns(asked.times, asked.diagReg, classes);
    const last = result.predictor.solutions.subarray(7 * layout.columns + layout.ridge(1) * classes);
    // 1/-1e-9 times a target of the order of one.
    expect(Math.abs(last[0] as number)).toBeGreaterThan(1e8);
  });

  it('that is singular has no ridgeless regression, by name', async () => {
    const result = await analyze(8, diagonal(0), asked);
    expect(result.train.regression[1]).toEqual({ accuracy: null, loss: null });
    expectNullsNamed(result);
    const failed = result.warnings.find((text) => text.includes('regression[1].trainAccuracy'));
    expect(failed).toContain('regression[1].testLoss');
    expect(failed).toContain('meanPredictorNorm');
    const layout = solutionColumns(asked.times, asked.diagReg, classes);
    const missing = Array.from({ length: layout.blocks }, (_, block) => isNaNBlock(result, 8, block));
    expect(missing).toEqual([true, false, false, false, false, true]);
  });

  it('that is all zero underflows: the flow stays at zero for a rate that is a number', async () => {
    const result = await analyze(6, () => 0, { diagReg: [0], times: [1, 8], learningRate: 0.5 });
    expect(result).toMatchObject({
      status: 'underflow',
      lambdaMax: 0,
      lambdaMin: 0,
      lambdaBulk: 0,
      trace: 0,
    });
    expect(result).toMatchObject({ kappa: null, conditionNumber: null, maxLearningRate: null });
    expect(result.train.dynamics[0]).toEqual({ accuracy: 1 / 3, loss: expect.closeTo(1 / 3, 14) });
    expectNullsNamed(result);
    const max = await analyze(6, () => 0, asked);
    expect(max.train.dynamics).toEqual(asked.times.map(() => ({ accuracy: null, loss: null })));
    expectNullsNamed(max);
  });

  it('that is subnormal underflows', async () => {
    const result = await analyze(5, (i, j) => (i === j ? 4e-310 : 1e-310), asked);
    expect(result.status).toBe('underflow');
    expectNullsNamed(result);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'with %d in it overflows: nulls, NaN arrays, no error',
    async (bad) => {
      const result = await analyze(6, (i, j) => (i + j === 7 ? bad : kernel(i, j)), asked);
      expect(result.status).toBe('overflow');
      expect(result.eigenvalues).toHaveLength(6);
      expect(result.eigenvalues?.every(Number.isNaN)).toBe(true);
      expect(result.predictor.solutions.every(Number.isNaN)).toBe(true);
      expect(result).toMatchObject({ lambdaMax: null, kappa: null, trace: expect.closeTo(6 * 1.3, 12) });
      expectNullsNamed(result);
      expect(result.warnings.join()).toContain('4 of the complement');
      expect(result.warnings.join()).toContain('row 2, column 5');
    },
  );

  it('whose sums overflow has nulls for them', async () => {
    const result = await analyze(4, (i, j) => (i === j ? 1.5e308 : 1e308), asked);
    expect(result.trace).toBeNull();
    expect(result.status).toBe('overflow');
    expectNullsNamed(result);
  });
});

describe('many analyses at once', () => {
  it('give the bits that each gives alone', async () => {
    const sizes = [1, 5, 33, 64, 17, 48, 64, 9];
    const solve = (size: number) => analyze(size, kernel, { ...asked, diagReg: [0.1, 0] });
    const alone: SpectrumResult[] = [];
    for (const size of sizes) alone.push(await solve(size));
    for (let round = 0; round < 4; round++) expect(await Promise.all(sizes.map(solve))).toEqual(alone);
  });
});
