import { TesseraError } from '@tessera/spec';

/** Sums over the test images of a strip (or part of one); S blocks as in `solutionColumns`. */
export interface StripScores {
  /** Test images summed over. */
  images: number;
  /** Correctly classified images of each block. */
  correct: number[];
  /** Sum of 1/2 ||f - Y||^2 of each block. */
  lossSum: number[];
  /** All predictions of the block are finite. */
  finite: boolean[];
  /** ||P(Theta) Y||_F^2 over these images. */
  meanPredictorSquares: number;
  /** ||Y_test||_F^2 over these images, labels centred over the training images. */
  meanTargetSquares: number;
}

/** @param blocks S */
export function emptyStripScores(blocks: number): StripScores {
  return {
    images: 0,
    correct: Array<number>(blocks).fill(0),
    lossSum: Array<number>(blocks).fill(0),
    finite: Array<boolean>(blocks).fill(true),
    meanPredictorSquares: 0,
    meanTargetSquares: 0,
  };
}

/** Adds the scores of the next rows to a total, in place. Sums depend on the order: always in index order. */
export function addStripScores(total: StripScores, part: StripScores): void {
  total.images += part.images;
  for (const block of total.correct.keys()) {
    total.correct[block] = (total.correct[block] as number) + (part.correct[block] as number);
    total.lossSum[block] = (total.lossSum[block] as number) + (part.lossSum[block] as number);
    total.finite[block] = Boolean(total.finite[block] && part.finite[block]);
  }
  total.meanPredictorSquares += part.meanPredictorSquares;
  total.meanTargetSquares += part.meanTargetSquares;
}

/** Numbers of one record: images, two squares, and three a block. */
export const recordLength = (blocks: number) => 3 + 3 * blocks;

/**
 * Scores of several analyses with nothing in them yet, one record after the other: images, the squares of mean predictor
 * and targets, then of every block the correct ones, the losses, and 1 while all is finite.
 * @param blocks S
 */
export function stripRecords(analyses: number, blocks: number): Float64Array {
  const length = recordLength(blocks);
  const records = new Float64Array(analyses * length);
  for (let end = length; end <= records.length; end += length) records.fill(1, end - blocks, end);
  return records;
}

/** The scores of a record. */
export function scoresOf(record: Float64Array, blocks: number): StripScores {
  const list = (first: number) => [...record.subarray(first, first + blocks)];
  return {
    images: record[0] as number,
    meanPredictorSquares: record[1] as number,
    meanTargetSquares: record[2] as number,
    correct: list(3),
    lossSum: list(3 + blocks),
    finite: list(3 + 2 * blocks).map((flag) => flag === 1),
  };
}

/** The scores of a strip's analyses as records. */
export function encodeStripScores(scores: readonly StripScores[]): Uint8Array {
  const numbers = scores.flatMap((score) => [
    score.images,
    score.meanPredictorSquares,
    score.meanTargetSquares,
    ...score.correct,
    ...score.lossSum,
    ...score.finite.map(Number),
  ]);
  return encodeStripRecords(Float64Array.from(numbers));
}

/** Records as little-endian float64. */
export function encodeStripRecords(records: Float64Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(records.length * 8));
  records.forEach((value, i) => {
    view.setFloat64(i * 8, value, true);
  });
  return new Uint8Array(view.buffer);
}

/**
 * Reverse of both.
 * @param blocks S of every record
 * @throws TesseraError corrupt-chunk when the bytes are not whole records, or none
 */
export function decodeStripScores(bytes: Uint8Array, blocks: number): StripScores[] {
  const length = recordLength(blocks);
  if (bytes.byteLength === 0 || bytes.byteLength % (length * 8) !== 0) {
    throw new TesseraError(
      'corrupt-chunk',
      `The scores of a strip have ${bytes.byteLength} bytes, not a multiple of ${length * 8}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = Float64Array.from({ length: bytes.byteLength / 8 }, (_, i) => view.getFloat64(i * 8, true));
  return Array.from({ length: numbers.length / length }, (_, record) =>
    scoresOf(numbers.subarray(record * length, (record + 1) * length), blocks),
  );
}
