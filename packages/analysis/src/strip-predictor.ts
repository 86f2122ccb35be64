import type { Linalg } from '@tessera/linalg';
import { TesseraError } from '@tessera/spec';

/**
 * What the rows of a strip are contracted with. Of a test image t, with E_t its row of the complement, M_t of the matrix:
 * - `plain`: prediction = M_t . solutions; center, slopes and constants are zero;
 * - `graded`: G = center - E_t, u = m ((deviation_t - meanDeviation) / 2 + mean G),
 *   prediction = G . solutions + u * slopes + constants. M itself, whose digits are all in its mean, is never needed.
 */
export interface StripPredictor {
  route: 'plain' | 'graded';
  /** Row-major m x columns of `solutionColumns`; a block that does not exist (or is not wanted) is NaN. */
  solutions: Float64Array;
  /** (m): means of the rows of E(train, train). */
  center: Float64Array;
  /** Mean of the training images' deviations. */
  meanDeviation: number;
  /** (columns). */
  slopes: Float64Array;
  /** (columns). */
  constants: Float64Array;
}

/** A predictor that predicts nothing: NaN solutions. */
export function emptyPredictor(size: number, columns: number): StripPredictor {
  return {
    route: 'plain',
    solutions: new Float64Array(size * columns).fill(Number.NaN),
    center: new Float64Array(size),
    meanDeviation: 0,
    slopes: new Float64Array(columns),
    constants: new Float64Array(columns),
  };
}

const routes = ['plain', 'graded'] as const;

/** Numbers of an encoded predictor of m training images. */
export function predictorLength(size: number, columns: number): number {
  return 2 + size + (2 + size) * columns;
}

/** As numbers: route, mean deviation, center, slopes, constants, solutions. */
export function encodePredictor(predictor: StripPredictor): Float64Array {
  const { route, meanDeviation, center, slopes, constants, solutions } = predictor;
  const numbers = new Float64Array(predictorLength(center.length, slopes.length));
  numbers.set([routes.indexOf(route), meanDeviation]);
  let at = 2;
  for (const part of [center, slopes, constants, solutions]) {
    numbers.set(part, at);
    at += part.length;
  }
  return numbers;
}

/**
 * Reverse of `encodePredictor`; the arrays are views of `numbers`.
 * @throws TesseraError corrupt-chunk when the numbers are no predictor of these sizes
 */
export function decodePredictor(numbers: Float64Array, size: number, columns: number): StripPredictor {
  const route = routes[numbers[0] as number];
  if (route === undefined || numbers.length !== predictorLength(size, columns)) {
    throw new TesseraError(
      'corrupt-chunk',
      `${numbers.length} numbers are no predictor of ${size} images and ${columns} columns.`,
    );
  }
  let at = 2;
  const take = (length: number) => {
    at += length;
    return numbers.subarray(at - length, at);
  };
  return {
    route,
    meanDeviation: numbers[1] as number,
    center: take(size),
    slopes: take(columns),
    constants: take(columns),
    solutions: take(size * columns),
  };
}

/**
 * Predictions of test images, row-major rows x columns. Sums in row order: the bits depend on the arguments alone.
 * @param values row-major rows x m: M(test, train) for `plain`, E(test, train) for `graded`
 * @param rowDeviations (rows), of the test images
 * @param memory written over; what is returned lies in it
 */
export async function predictStrip(
  linalg: Linalg,
  predictor: StripPredictor,
  values: Float64Array,
  rowDeviations: Float64Array,
  rows: number,
  memory: StripMemory,
): Promise<Float64Array> {
  const { route, solutions, center } = predictor;
  const size = center.length;
  const columns = predictor.slopes.length;
  const predictions = memory.predictions.subarray(0, rows * columns);
  const product = { m: rows, n: columns, k: size, b: solutions, c: predictions };
  if (route === 'plain') return linalg.gemm({ ...product, a: values });
  const differences = memory.differences.subarray(0, rows * size);
  affinePart(predictor, rowDeviations, subtractFromCenter(center, values, differences, rows), predictions);
  return linalg.gemm({ ...product, a: differences, beta: 1 });
}

/** What predictions of a block of rows are made in. New memory for each would keep the garbage collector busy. */
export interface StripMemory {
  /** (rows, m). */
  differences: Float64Array;
  /** (rows, columns). */
  predictions: Float64Array;
}

/** Memory for blocks of up to so many rows. */
export function stripMemory(rows: number, size: number, columns: number): StripMemory {
  return { differences: new Float64Array(rows * size), predictions: new Float64Array(rows * columns) };
}

/** G = center - E, row by row. @returns the sum of each row of G, in four interleaved parts */
function subtractFromCenter(
  center: Float64Array,
  values: Float64Array,
  differences: Float64Array,
  rows: number,
): Float64Array {
  const size = center.length;
  const sums = new Float64Array(rows);
  const whole = size - (size % 4);
  for (let row = 0; row < rows; row++) {
    const from = row * size;
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    // Four sums: one alone waits for itself at every step.
    for (let i = 0; i < whole; i += 4) {
      const d0 = (center[i] as number) - (values[from + i] as number);
      const d1 = (center[i + 1] as number) - (values[from + i + 1] as number);
      const d2 = (center[i + 2] as number) - (values[from + i + 2] as number);
      const d3 = (center[i + 3] as number) - (values[from + i + 3] as number);
      differences[from + i] = d0;
      differences[from + i + 1] = d1;
      differences[from + i + 2] = d2;
      differences[from + i + 3] = d3;
      sum0 += d0;
      sum1 += d1;
      sum2 += d2;
      sum3 += d3;
    }
    let sum = sum0 + sum1 + (sum2 + sum3);
    for (let i = whole; i < size; i++) {
      const difference = (center[i] as number) - (values[from + i] as number);
      differences[from + i] = difference;
      sum += difference;
    }
    sums[row] = sum;
  }
  return sums;
}

/** u * slopes + constants of every row, rows x columns. */
function affinePart(
  { center, meanDeviation, slopes, constants }: StripPredictor,
  rowDeviations: Float64Array,
  sums: Float64Array,
  predictions: Float64Array,
): void {
  const columns = slopes.length;
  for (let row = 0; row < sums.length; row++) {
    const deviation = (rowDeviations[row] as number) - meanDeviation;
    const u = center.length * (deviation / 2) + (sums[row] as number);
    for (let c = 0; c < columns; c++) {
      predictions[row * columns + c] = u * (slopes[c] as number) + (constants[c] as number);
    }
  }
}
