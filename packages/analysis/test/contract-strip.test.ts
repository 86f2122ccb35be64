import { describe, expect, it } from 'vitest';
import {
  contractStrip,
  encodePredictor,
  packPredictors,
  type StripPredictor,
  stripRecords,
} from '../src/index.js';
import { instructionSets, openNativeLoops } from '../src/native-loops.js';
import { recordLength } from '../src/strip-scores.js';

const wave = (length: number, step: number) =>
  Float64Array.from({ length }, (_, i) => Math.sin(step * i + 1));

interface Case {
  size: number;
  rows: number;
  classes: number;
  blocks: number;
  precision: 'f64' | 'f32';
}

/** A graded depth and a plain one. */
function makeCase({ size, rows, classes, blocks, precision }: Case) {
  const columns = classes * blocks;
  const predictor = (route: StripPredictor['route']): StripPredictor => ({
    route,
    solutions: wave(size * columns, 0.31),
    center: wave(size, 0.7),
    meanDeviation: 0.25,
    slopes: wave(columns, 0.2),
    constants: wave(columns, 2),
  });
  const numbers = (step: number) => {
    const values = wave(2 * rows * size, step);
    return precision === 'f64' ? values : Float32Array.from(values);
  };
  return {
    columns,
    predictors: [predictor('graded'), predictor('plain')],
    complement: numbers(0.11),
    matrix: numbers(0.13),
    rowDeviations: wave(2 * rows, 0.4),
    testLabels: Int32Array.from({ length: rows }, (_, i) => i % classes),
    targets: wave(rows * classes, 0.9),
    meanTargets: wave(rows * classes, 0.8),
  };
}

async function contract(shape: Case, isa: string, first = 0, end = shape.rows) {
  const { predictors, complement, matrix, columns, ...made } = makeCase(shape);
  const { size, rows, classes, blocks } = shape;
  const loops = openNativeLoops(isa);
  const count = end - first;
  const part = <T extends Float64Array | Float32Array>(values: T, width: number): T => {
    const cut = [0, 1].flatMap((depth) => [
      ...values.subarray((depth * rows + first) * width, (depth * rows + end) * width),
    ]);
    return (values instanceof Float64Array ? Float64Array.from(cut) : Float32Array.from(cut)) as T;
  };
  const records = stripRecords(2, blocks);
  const predictions = new Float64Array(2 * count * columns);
  await contractStrip(
    {
      predictors: packPredictors(predictors.map(encodePredictor), size, columns, loops),
      complement: part(complement, size),
      matrix: part(matrix, size),
      rowDeviations: part(made.rowDeviations, 1),
      rows: count,
      classes,
      testLabels: made.testLabels.subarray(first, end),
      targets: made.targets.subarray(first * classes, end * classes),
      meanTargets: made.meanTargets.subarray(first * classes, end * classes),
      records,
      predictions,
    },
    loops,
  );
  return { records, predictions };
}

/** Sizes below, at and above what is multiplied at once: 256 images, 6 rows, 32 columns; ragged in each. */
const shapes: Case[] = [
  { size: 1, rows: 1, classes: 1, blocks: 1, precision: 'f64' },
  { size: 7, rows: 5, classes: 2, blocks: 3, precision: 'f64' },
  { size: 256, rows: 6, classes: 8, blocks: 4, precision: 'f64' },
  { size: 259, rows: 13, classes: 10, blocks: 6, precision: 'f64' },
  { size: 600, rows: 20, classes: 11, blocks: 3, precision: 'f32' },
];

describe.each(instructionSets())('contractStrip with %s', (isa) => {
  it.each(shapes)('of $size images, $rows rows, $blocks x $classes columns in $precision', async (shape) => {
    const { predictors, columns, ...made } = makeCase(shape);
    const { size, rows, classes, blocks } = shape;
    const { records, predictions } = await contract(shape, isa);
    const scale = size;
    predictors.forEach((predictor, depth) => {
      const record = records.subarray(depth * recordLength(blocks), (depth + 1) * recordLength(blocks));
      const losses = new Float64Array(blocks);
      for (let row = 0; row < rows; row++) {
        const from = (depth * rows + row) * size;
        const gaps = Float64Array.from({ length: size }, (_, i) =>
          predictor.route === 'graded'
            ? (predictor.center[i] as number) - (made.complement[from + i] as number)
            : (made.matrix[from + i] as number),
        );
        const u =
          (size * ((made.rowDeviations[depth * rows + row] as number) - 0.25)) / 2 +
          gaps.reduce((a, b) => a + b, 0);
        for (let c = 0; c < columns; c++) {
          const along = gaps.reduce(
            (sum, gap, i) => sum + gap * (predictor.solutions[i * columns + c] as number),
            0,
          );
          const affine = u * (predictor.slopes[c] as number) + (predictor.constants[c] as number);
          const expected = predictor.route === 'graded' ? along + affine : along;
          const found = predictions[(depth * rows + row) * columns + c] as number;
          expect(Math.abs(found - expected)).toBeLessThan(1e-13 * scale);
          const targets = c < classes ? made.meanTargets : made.targets;
          const block = Math.floor(c / classes);
          losses[block] =
            (losses[block] as number) + (found - (targets[row * classes + (c % classes)] as number)) ** 2 / 2;
        }
      }
      expect(record[0]).toBe(rows);
      losses.forEach((loss, block) => {
        expect((record[3 + blocks + block] as number) / loss).toBeCloseTo(1, 12);
        expect(record[3 + 2 * blocks + block]).toBe(1);
      });
    });
  });

  it('gives a row the same bits whatever rows are beside it', async () => {
    const shape = shapes[3] as Case;
    const width = 60;
    const whole = await contract(shape, isa);
    for (const [first, end] of [
      [0, 1],
      [1, 6],
      [4, 13],
    ] as const) {
      const { predictions } = await contract(shape, isa, first, end);
      for (const depth of [0, 1]) {
        const from = (depth * shape.rows + first) * width;
        const count = (end - first) * width;
        expect(predictions.subarray(depth * count, (depth + 1) * count)).toEqual(
          whole.predictions.subarray(from, from + count),
        );
      }
    }
  });
});
