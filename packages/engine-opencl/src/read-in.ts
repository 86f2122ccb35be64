/** What a fully connected tile starts from: of each pair |a - b|^2 / (2 inputs), of each image |x|^2 / inputs. */
import type { ImageBlock } from '@tessera/engine';
import { inputCount, type Precision } from '@tessera/spec';
import type { DeviceBuffer } from './context.js';
import { commonProgram, realBytes, wideArray } from './programs.js';
import { roundUp, type Session } from './session.js';

/** read-in.cl: pairs on a side of a work-group. */
const BYTE_BLOCK = 64;
const NUMBER_BLOCK = 32;
const SIDE = 16;

/** A block's images as the device reads them. */
interface Images {
  count: number;
  inputs: number;
  variances: Float64Array;
  /** Of byte images: words of four bytes, and the sums of each image. */
  bytes: { words: Uint8Array; wordCount: number; sums: BigInt64Array } | null;
  numbers: () => Float64Array | Float32Array;
}

/** Bytes and normalization in common, or null: the images are then read in as numbers. */
function commonNormalization(rows: ImageBlock, cols: ImageBlock) {
  if (rows.bytes === undefined || cols.bytes === undefined) return null;
  const [a, b] = [rows.bytes.normalization, cols.bytes.normalization];
  if (a.kind === 'own') return b.kind === 'own' ? a : null;
  return b.kind === 'own' || a.offset !== b.offset || a.factor !== b.factor ? null : a;
}
type Normalization = NonNullable<ReturnType<typeof commonNormalization>>;

/** Variances are found once a block: the same blocks come back for every kernel of a grid. */
export interface ReadIn {
  rowVariances: Float64Array;
  colVariances: Float64Array;
  /** Of a symmetric block only entries on and above the diagonal mean anything. */
  complement: DeviceBuffer;
}

/** The variances of a pair of blocks, without their products. */
export function variancesOf(
  rows: ImageBlock,
  cols: ImageBlock | null,
): Pick<ReadIn, 'rowVariances' | 'colVariances'> {
  const normalization = commonNormalization(rows, cols ?? rows);
  const rowVariances = describeImages(rows, normalization).variances;
  return {
    rowVariances,
    colVariances: cols === null ? rowVariances : describeImages(cols, normalization).variances,
  };
}

/** Rows `row` to `row + count` of the block against its columns from `col` on. */
export async function readIn(
  session: Session,
  precision: Precision,
  rows: ImageBlock,
  cols: ImageBlock | null,
  part: { row: number; rows: number; col: number; cols: number },
): Promise<DeviceBuffer> {
  const normalization = commonNormalization(rows, cols ?? rows);
  const isDiagonal = cols === null && part.row === part.col;
  const own = describeImages(sliceOf(rows, part.row, part.rows), normalization);
  const other = describeImages(sliceOf(cols ?? rows, part.col, part.cols), normalization);
  const complementBytes = part.rows * part.cols * realBytes(precision);
  await session.reserve(complementBytes + (part.rows + part.cols) * own.inputs * 8);
  const complement = session.allocate(complementBytes);
  const choice = commonProgram(precision);
  const { info } = session.context.device;
  const used: DeviceBuffer[] = [];
  const upload = (data: Parameters<Session['upload']>[0]) => {
    const buffer = session.upload(data);
    used.push(buffer);
    return buffer;
  };
  if (own.bytes !== null && other.bytes !== null && normalization !== null) {
    const kernel = await session.context.kernel(choice, 'read_in_bytes');
    const isOwn = normalization.kind === 'own';
    const factor = normalization.kind === 'own' ? 1 : normalization.factor;
    const numbers = upload(wideArray(info, [(factor * factor) / (2 * own.inputs)]));
    const buffers = [own.bytes.words, other.bytes.words, own.bytes.sums, other.bytes.sums].map(upload);
    const counts = [part.rows, part.cols, own.bytes.wordCount, own.inputs, Number(isOwn), Number(isDiagonal)];
    const global = [part.cols, part.rows].map((n) => (roundUp(n, BYTE_BLOCK) / BYTE_BLOCK) * SIDE);
    await session.launch(kernel, global, [SIDE, SIDE], [numbers, ...counts, ...buffers, complement]);
  } else {
    const kernel = await session.context.kernel(choice, 'read_in_numbers');
    const buffers = [own, other].map((images) => upload(wideArray(info, images.numbers())));
    const counts = [part.rows, part.cols, own.inputs, Number(isDiagonal)];
    const global = [part.cols, part.rows].map((n) => (roundUp(n, NUMBER_BLOCK) / NUMBER_BLOCK) * SIDE);
    await session.launch(kernel, global, [SIDE, SIDE], [...counts, ...buffers, complement]);
  }
  for (const buffer of used) session.release(buffer);
  return complement;
}

function sliceOf(block: ImageBlock, first: number, count: number): ImageBlock {
  if (first === 0 && count === block.count) return block;
  const size = inputCount(block.shape);
  const { bytes } = block;
  return {
    key: `${block.key} ${first}+${count}`,
    count,
    shape: block.shape,
    get data() {
      return block.data.subarray(first * size, (first + count) * size);
    },
    bytes: bytes && { ...bytes, pixels: bytes.pixels.subarray(first * size, (first + count) * size) },
  };
}

function describeImages(block: ImageBlock, normalization: Normalization | null): Images {
  const inputs = inputCount(block.shape);
  const { count } = block;
  if (normalization === null || block.bytes === undefined) {
    return {
      count,
      inputs,
      variances: numberVariances(block.data, count, inputs),
      bytes: null,
      numbers: () => block.data,
    };
  }
  const { pixels } = block.bytes;
  const sums = byteSums(pixels, count, inputs);
  return {
    count,
    inputs,
    variances: byteVariances(sums, count, inputs, normalization),
    bytes: { ...wordsOf(pixels, count, inputs), sums: BigInt64Array.from(sums, BigInt) },
    numbers: () => block.data,
  };
}

function numberVariances(data: Float64Array, count: number, inputs: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let t = i * inputs; t < (i + 1) * inputs; t++) sum += (data[t] as number) * (data[t] as number);
    return sum / inputs;
  });
}

/** Sum and sum of squares of each image, exact below 2^53. */
function byteSums(pixels: Uint8Array, count: number, inputs: number): Float64Array {
  const sums = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    let [sum, squares] = [0, 0];
    for (let t = i * inputs; t < (i + 1) * inputs; t++) {
      const value = pixels[t] as number;
      sum += value;
      squares += value * value;
    }
    sums[2 * i] = sum;
    sums[2 * i + 1] = squares;
  }
  return sums;
}

/** Of the normalized images: n sum (x - o)^2 = (n sum x^2 - (sum x)^2) + (sum x - n o)^2, in which nothing cancels. */
function byteVariances(
  sums: Float64Array,
  count: number,
  inputs: number,
  normalization: Normalization,
): Float64Array {
  if (normalization.kind === 'own') return new Float64Array(count).fill(1);
  const { offset, factor } = normalization;
  const [product, rest] = exactProduct(inputs, offset);
  return Float64Array.from({ length: count }, (_, i) => {
    const [sum, squares] = [sums[2 * i] as number, sums[2 * i + 1] as number];
    const spread = Number(BigInt(inputs) * BigInt(squares) - BigInt(sum) * BigInt(sum));
    const shift = sum - product - rest;
    return factor * factor * ((spread + shift * shift) / (inputs * inputs));
  });
}

/** x y rounded, and what rounding took away (Dekker). */
function exactProduct(x: number, y: number): [number, number] {
  const split = (v: number) => {
    const c = 134217729 * v;
    const high = c - (c - v);
    return [high, v - high] as const;
  };
  const [xh, xl] = split(x);
  const [yh, yl] = split(y);
  const product = x * y;
  return [product, xh * yh - product + xh * yl + xl * yh + xl * yl];
}

/** Images padded with zeros to whole words; those that are so already are not copied. */
function wordsOf(
  pixels: Uint8Array,
  count: number,
  inputs: number,
): { words: Uint8Array; wordCount: number } {
  const wordCount = Math.ceil(inputs / 4);
  if (inputs % 4 === 0) return { words: pixels, wordCount };
  const words = new Uint8Array(count * wordCount * 4);
  for (let i = 0; i < count; i++) words.set(pixels.subarray(i * inputs, (i + 1) * inputs), i * wordCount * 4);
  return { words, wordCount };
}
