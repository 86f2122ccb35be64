import { type NativeLoops, nativeLoops } from './native-loops.js';
import { predictorLength, type StripPredictor } from './strip-predictor.js';
import { recordLength } from './strip-scores.js';

/** The predictors of one kind at every depth, as the contraction reads them. */
export interface PackedPredictors {
  /** m. */
  size: number;
  /** S * C. */
  columns: number;
  /** Of each depth. */
  routes: StripPredictor['route'][];
  /** In an order of the instruction set's own. */
  packed: Float64Array;
}

/**
 * @param predictors of each depth, as they were encoded
 * @param loops of another instruction set, for tests
 */
export function packPredictors(
  predictors: readonly Float64Array[],
  size: number,
  columns: number,
  loops: NativeLoops = nativeLoops(),
): PackedPredictors {
  // The packed ones begin at a cache line.
  const packed = new Float64Array(predictors.length * loops.packedLength(size, columns) + 7);
  const routes = predictors.map((encoded, position) => {
    if (encoded.length !== predictorLength(size, columns))
      throw new RangeError('not a predictor of this size');
    loops.pack({ size, columns, position }, encoded, packed);
    return encoded[0] === 1 ? 'graded' : 'plain';
  });
  return { size, columns, routes, packed };
}

/** Rows of test images of one kind at every depth, and what they are contracted with. */
export interface ContractionRequest {
  predictors: PackedPredictors;
  /** (depths, rows, m) of E(test, train), in float64 or float32; null where no predictor is graded. */
  complement: Float64Array | Float32Array | null;
  /** (depths, rows, m) of M(test, train); null where every predictor is graded. */
  matrix: Float64Array | Float32Array | null;
  /** Deviations of the test images, (depths, rows). */
  rowDeviations: Float64Array;
  /** r, test images. */
  rows: number;
  classes: number;
  /** Class of each of these test images. */
  testLabels: Int32Array;
  /** Row-major r x classes, as the spec's `labels` say. */
  targets: Float64Array;
  /** Row-major r x classes, centred over the training images. */
  meanTargets: Float64Array;
  /** Of each depth, `stripRecords`: what these rows give is added, in row order. */
  records: Float64Array;
  /** (depths, r, S * classes), written over; null where the predictions themselves are not wanted. */
  predictions: Float64Array | null;
}

/**
 * Predicts and scores a block of test images at every depth, on one core, which the caller holds. A prediction is a sum over training images in
 * their order, the scores are sums over rows in theirs: the bits depend on the arguments alone, and not on how the rows
 * are cut into blocks. Values or solutions that are not finite give blocks marked not finite, no error.
 */
export async function contractStrip(
  request: ContractionRequest,
  loops: NativeLoops = nativeLoops(),
): Promise<void> {
  const { predictors, complement, matrix, rows, classes, records } = request;
  const { size, columns, routes, packed } = predictors;
  const blocks = columns / classes;
  const depths = routes.length;
  const given = complement ?? matrix;
  const isFloat = given instanceof Float32Array;
  for (const values of [complement, matrix]) {
    if (values === null) continue;
    if (values instanceof Float32Array !== isFloat) throw new TypeError('both arrays have one precision');
    if (values.length < depths * rows * size) throw new RangeError('fewer values than rows');
  }
  if (routes.some((route) => (route === 'graded' ? complement : matrix) === null)) {
    throw new RangeError('what a predictor is contracted with is missing');
  }
  if (records.length !== depths * recordLength(blocks)) throw new RangeError('a record is missing');
  const { rowDeviations, testLabels, targets, meanTargets, predictions } = request;
  const integers = Int32Array.of(loops.isa, Number(isFloat), depths, rows, size, classes, blocks);
  const inputs = [integers, complement, matrix, rowDeviations, packed, testLabels, targets, meanTargets];
  await loops.call('strip', [...inputs, records, predictions]);
}
