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
