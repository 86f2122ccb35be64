import { readFileSync } from 'node:fs';
import { labelMatrix } from '@tessera/dataset';
import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import {
  analyzeMatrix,
  analyzeOperator,
  type BlockProduct,
  scoreStrip,
  solutionColumns,
} from '../src/index.js';

type Predicted = { train: number[]; test: number[] }[];
interface Predictions {
  ridge: Predicted;
  flow: Predicted;
}
/** One case of scripts/fixtures/graded.py. */
interface GradedCase {
  name: string;
  reference: number;
  deviations: number[];
  testDeviations: number[];
  complement: number[];
  testComplement: number[];
  matrix: number[];
  testMatrix: number[];
  classes: number[];
  expected: {
    diagReg: number[];
    times: number[];
    eigenvalues: number[];
    lambdaBulk: number;
    kappa: number;
    conditionNumber: number;
    labels: Predictions;
    meanLabels: Predictions;
  };
}

const linalg = openLinalg({ threads: 2 });
const fixture = new URL('./fixtures/graded.json', import.meta.url);
const cases = JSON.parse(readFileSync(fixture, 'utf8')) as GradedCase[];
const classes = 3;

/** Relative: of each eigenvalue, and of the largest prediction. */
const tolerances = { eigenvalue: 1e-11, prediction: 1e-8 };

const relative = (actual: number | null | undefined, expected: number) =>
  Math.abs((actual ?? Number.NaN) - expected) / Math.abs(expected);

function questionOf(graded: GradedCase, centred: boolean) {
  const trainLabels = Int32Array.from(graded.classes);
  const meanLabels = labelMatrix(trainLabels, classes, 'centered-over-images', trainLabels);
  return {
    reference: graded.reference,
    deviations: Float64Array.from(graded.deviations),
    precision: 'f64' as const,
    size: trainLabels.length,
    labels: centred ? meanLabels : labelMatrix(trainLabels, classes, 'centered', trainLabels),
    meanLabels,
    classes,
    trainLabels,
    spectrum: 'full' as const,
    diagReg: graded.expected.diagReg,
    times: graded.expected.times,
    wantSolutions: true,
  };
}

function analyze(graded: GradedCase, centred: boolean) {
  return analyzeMatrix(linalg, {
    ...questionOf(graded, centred),
    complement: Float64Array.from(graded.complement),
    async readMatrix(into) {
      into.set(graded.matrix);
    },
    learningRate: 'max',
  });
}

function analyzeOutOfCore(graded: GradedCase, centred: boolean) {
  const question = questionOf(graded, centred);
  const { size } = question;
  const productWith = (matrix: number[]): BlockProduct => {
    const a = Float64Array.from(matrix);
    return (x, columns) => linalg.gemm({ m: size, n: columns, k: size, a, b: x });
  };
  return analyzeOperator(linalg, {
    ...question,
    operator: { multiply: productWith(graded.complement), multiplyMatrix: productWith(graded.matrix) },
    diagonal: new Float64Array(size),
  });
}

const ways = [
  ['in memory', analyze],
  ['out of core', analyzeOutOfCore],
] as const;

describe.each(cases)('$name, against 400 digits', (graded) => {
  const { expected } = graded;
  const size = graded.classes.length;

  it('every eigenvalue, and what is made of them', async () => {
    const result = await analyze(graded, true);
    expect(result.status).toBe('ok');
    expect(result.predictor.route).toBe(expected.kappa > 100 ? 'graded' : result.predictor.route);
    expected.eigenvalues.forEach((value, i) => {
      expect(relative(result.eigenvalues?.[i], value)).toBeLessThan(tolerances.eigenvalue);
    });
    for (const name of ['lambdaBulk', 'kappa', 'conditionNumber'] as const)
      expect(relative(result[name], expected[name]), name).toBeLessThan(tolerances.eigenvalue);
  });

  it('every eigenvalue out of core', async () => {
    const result = await analyzeOutOfCore(graded, true);
    expected.eigenvalues.forEach((value, i) => {
      expect(relative(result.eigenvalues?.[i], value)).toBeLessThan(tolerances.eigenvalue);
    });
    expect(relative(result.kappa, expected.kappa)).toBeLessThan(tolerances.eigenvalue);
  });

  const kinds = ['labels', 'meanLabels'] as const;
  it.each(ways.flatMap(([where, way]) => kinds.map((kind) => [kind, where, way] as const)))(
    'regression and gradient flow of %s, %s',
    async (kind, where, way) => {
      const { predictor, train } = await way(graded, kind === 'meanLabels');
      const rows = graded.testDeviations.length;
      const scored = await scoreStrip(linalg, {
        predictor,
        values: Float64Array.from(predictor.route === 'graded' ? graded.testComplement : graded.testMatrix),
        rowDeviations: Float64Array.from(graded.testDeviations),
        rows,
        size,
        classes,
        testLabels: new Int32Array(rows),
        targets: new Float64Array(rows * classes),
        meanTargets: new Float64Array(rows * classes),
      });
      const layout = solutionColumns(expected.times, expected.diagReg, classes);
      const compare = (block: number, wanted: number[], what: string) => {
        const largest = Math.max(...wanted.map(Math.abs));
        wanted.forEach((value, i) => {
          const [row, c] = [Math.floor(i / classes), i % classes];
          const predicted = scored.predictions[row * layout.columns + block * classes + c] as number;
          expect(Math.abs(predicted - value) / largest, what).toBeLessThan(tolerances.prediction);
        });
      };
      const wanted = expected[kind];
      wanted.ridge.forEach(({ test }, i) => {
        compare(layout.ridge(i), test, `ridge ${i}`);
      });
      const flow = where === 'in memory' ? wanted.flow : [];
      flow.forEach(({ test }, i) => {
        compare(layout.time(i), test, `time ${i}`);
      });
      compare(
        layout.meanPredictor,
        (expected.meanLabels.ridge[0] as { test: number[] }).test,
        'the mean predictor',
      );
      // The loss on the training images is that of the expected predictions.
      const trainLabels = Int32Array.from(graded.classes);
      const labelKind = kind === 'labels' ? 'centered' : 'centered-over-images';
      const targets = labelMatrix(trainLabels, classes, labelKind, trainLabels);
      const lossOf = (predictions: number[]) =>
        predictions.reduce((sum, value, i) => sum + (value - (targets[i] as number)) ** 2 / 2, 0) / size;
      for (const [scores, found] of [
        [train.regression, wanted.ridge],
        [train.dynamics, flow],
      ] as const) {
        found.forEach((entry, i) => {
          expect(scores[i]?.loss).toBeCloseTo(lossOf(entry.train), 9);
        });
      }
    },
  );
});
