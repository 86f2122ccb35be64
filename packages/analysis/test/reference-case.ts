import { labelMatrix } from '@tessera/dataset';
import type { Linalg } from '@tessera/linalg';
import { expect } from 'vitest';
import { analyzeMatrix, combineStrips, scoreStrip, solutionColumns } from '../src/index.js';
import { inComplementForm } from './complement-form.js';

interface Score {
  accuracy: number;
  loss: number;
}
type Scores = { train: Score; test: Score }[];

/** One case of scripts/fixtures/analysis.py; labels are `centered`. */
export interface ReferenceCase {
  name: string;
  request: {
    size: number;
    classes: number;
    matrix: number[];
    trainLabels: number[];
    diagReg: number[];
    times: number[];
    learningRate: 'max' | number;
    spectrum: 'full' | 'none';
  };
  kernelTestTrain: number[];
  testLabels: number[];
  expected: {
    eigenvalues: number[];
    lambdaBulk: number | null;
    kappa: number | null;
    trace: number;
    dynamics: Scores;
    regression: Scores;
    /** Null where the matrix is not positive definite to working precision: then nothing is compared. */
    meanPredictorNorm: number | null;
  };
}

export const tolerances = {
  /** Of lambdaMax; both solvers are backward stable: size * 2.2e-16 with room for 10,000 rows. */
  eigenvalue: 1e-10,
  /** Absolute: losses are of order 1 here, and condition numbers below 1e5 leave 1e-11. */
  loss: 1e-8,
};

/** Analyses the case, predicts its test images in two strips, and compares everything with scipy's numbers. */
export async function checkCase(
  linalg: Linalg,
  { request, expected, ...test }: ReferenceCase,
): Promise<void> {
  const { size, classes, diagReg, times } = request;
  const trainLabels = Int32Array.from(request.trainLabels);
  const testLabels = Int32Array.from(test.testLabels);
  const targetsOf = (labels: Int32Array, kind: 'centered' | 'centered-over-images') =>
    labelMatrix(labels, classes, kind, trainLabels);
  const { matrix, ...asked } = request;
  const result = await analyzeMatrix(linalg, {
    ...asked,
    ...inComplementForm(Float64Array.from(matrix), size),
    labels: targetsOf(trainLabels, 'centered'),
    meanLabels: targetsOf(trainLabels, 'centered-over-images'),
    trainLabels,
    wantSolutions: true,
  });

  const lambdaMax = expected.eigenvalues.at(-1) as number;
  if (request.spectrum === 'full') {
    expected.eigenvalues.forEach((value, i) => {
      expect(Math.abs((result.eigenvalues?.[i] ?? Number.NaN) - value)).toBeLessThan(
        tolerances.eigenvalue * lambdaMax,
      );
    });
    expect(result.lambdaMax).toBe(result.eigenvalues?.at(-1));
    expect(result.lambdaMin).toBe(result.eigenvalues?.[0]);
    if (result.status === 'ok' && expected.kappa !== null) {
      expect((result.lambdaBulk as number) / (expected.lambdaBulk as number)).toBeCloseTo(1, 10);
      expect((result.kappa as number) / expected.kappa).toBeCloseTo(1, 10);
    }
  } else {
    expect(result.eigenvalues).toBeNull();
  }
  expect((result.trace as number) / expected.trace).toBeCloseTo(1, 14);

  const layout = solutionColumns(times, diagReg, classes);
  // With a deviation of zero and its own complement, any row of M(test, train) can be asked for.
  const variances = Float64Array.from({ length: size }, (_, i) => request.matrix[i * (size + 1)] as number);
  const reference = variances[0] as number;
  const kernel = Float64Array.from(test.kernelTestTrain, (value, at) =>
    result.predictor.route === 'plain' ? value : reference / 2 + (variances[at % size] as number) / 2 - value,
  );
  const cut = Math.floor(testLabels.length / 2);
  const ranges: [number, number][] = [
    [0, cut],
    [cut, testLabels.length],
  ];
  const strips = await Promise.all(
    ranges.map(([start, end]) => {
      const labels = testLabels.subarray(start, end);
      return scoreStrip(linalg, {
        predictor: result.predictor,
        values: kernel.subarray(start * size, end * size),
        rowDeviations: new Float64Array(end - start),
        rows: end - start,
        size,
        classes,
        testLabels: labels,
        targets: targetsOf(labels, 'centered'),
        meanTargets: targetsOf(labels, 'centered-over-images'),
      });
    }),
  );
  const summary = combineStrips(strips);
  const compare = (actual: { accuracy: number | null; loss: number | null } | undefined, wanted: Score) => {
    expect(actual?.accuracy).toBeCloseTo(wanted.accuracy, 14);
    expect(Math.abs((actual?.loss ?? Number.NaN) - wanted.loss)).toBeLessThan(tolerances.loss);
  };
  expected.dynamics.forEach((wanted, i) => {
    compare(result.train.dynamics[i], wanted.train);
    compare(summary.blocks[layout.time(i)], wanted.test);
  });
  expected.regression.forEach((wanted, i) => {
    compare(result.train.regression[i], wanted.train);
    compare(summary.blocks[layout.ridge(i)], wanted.test);
  });
  if (expected.meanPredictorNorm !== null) {
    expect((summary.meanPredictorNorm as number) / expected.meanPredictorNorm).toBeCloseTo(1, 8);
  }
}
