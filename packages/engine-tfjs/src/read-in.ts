/**
 * The read-in's complement, delta = |a - b|^2 / (2 n) of every pair of pixels (of vectors: of the whole vector), where
 * the digits that tell two images apart are won or lost. Images made of bytes are read in as whole numbers, exactly:
 * products of 256 bytes stay below 2^24, in float32 and in TF32 alike.
 */
import type { ImageBlock, ImageBytes } from '@tessera/engine';
import { type Algebra, scoped, type Tensor, tensor } from './algebra.js';
import type { Pause } from './pace.js';

/** Terms of a product that is exact: 256 * 255^2 < 2^24. */
const exactTerms = 256;

/** delta of vectors, (rows, cols) row-major, in float64. */
export async function vectorComplements(
  o: Algebra,
  rows: ImageBlock,
  cols: ImageBlock,
  pause: Pause,
): Promise<Float64Array> {
  const [a, b] = [rows.bytes, cols.bytes];
  if (a !== undefined && b !== undefined) {
    const [one, other] = [a.normalization, b.normalization];
    const inputs = a.pixels.length / rows.count;
    if (one.kind === 'own' && other.kind === 'own') {
      return ownScales(await byteProducts(o, a, rows.count, b, cols.count, pause), inputs);
    }
    if (
      one.kind === 'shared' &&
      other.kind === 'shared' &&
      one.offset === other.offset &&
      one.factor === other.factor
    ) {
      return oneScale(
        await byteProducts(o, a, rows.count, b, cols.count, pause),
        one.factor ** 2 / (2 * inputs),
      );
    }
  }
  return differences(rows, cols, pause);
}

interface ByteProducts {
  /** sum a b, (rows, cols). */
  products: Float64Array;
  rowSquares: Float64Array;
  colSquares: Float64Array;
  rowSums: Float64Array;
  colSums: Float64Array;
}

async function byteProducts(
  o: Algebra,
  rows: ImageBytes,
  rowCount: number,
  cols: ImageBytes,
  colCount: number,
  pause: Pause,
): Promise<ByteProducts> {
  const inputs = rows.pixels.length / rowCount;
  const products = new Float64Array(rowCount * colCount);
  for (let first = 0; first < inputs; first += exactTerms) {
    await pause();
    const terms = Math.min(exactTerms, inputs - first);
    const part = ({ pixels }: ImageBytes, count: number) => {
      const values = new Float32Array(count * terms);
      for (let i = 0; i < count; i++) {
        values.set(pixels.subarray(i * inputs + first, i * inputs + first + terms), i * terms);
      }
      return tensor(values, [1, count, terms], 'float32');
    };
    const sums = scoped(() => o.outer(part(rows, rowCount), part(cols, colCount)));
    const values = await sums.data();
    sums.dispose();
    for (let i = 0; i < products.length; i++) products[i] = (products[i] as number) + (values[i] as number);
  }
  const [row, col] = [byteSums(rows.pixels, rowCount), byteSums(cols.pixels, colCount)];
  return {
    products,
    rowSquares: row.squares,
    colSquares: col.squares,
    rowSums: row.sums,
    colSums: col.sums,
  };
}

function byteSums(pixels: Uint8Array, count: number) {
  const inputs = pixels.length / count;
  const sums = new Float64Array(count);
  const squares = new Float64Array(count);
  for (let i = 0, at = 0; i < count; i++) {
    let [sum, square] = [0, 0];
    for (let x = 0; x < inputs; x++, at++) {
      const v = pixels[at] as number;
      sum += v;
      square += v * v;
    }
    sums[i] = sum;
    squares[i] = square;
  }
  return { sums, squares };
}

/** sum (a - b)^2, a whole number, times one factor. */
function oneScale({ products, rowSquares, colSquares }: ByteProducts, factor: number): Float64Array {
  const cols = colSquares.length;
  return products.map(
    (ab, at) =>
      ((rowSquares[Math.floor(at / cols)] as number) + (colSquares[at % cols] as number) - 2 * ab) * factor,
  );
}

/**
 * Each image minus its mean, scaled to |x|^2 = n. With A = n sum a^2 - (sum a)^2 and N = n sum (a-b)^2 - (sum (a-b))^2,
 * whole numbers below 2^53, |a/sqrt A - b/sqrt B|^2 = [N - (sqrt A - sqrt B)^2] / sqrt(A B).
 */
function ownScales(
  { products, rowSquares, colSquares, rowSums, colSums }: ByteProducts,
  inputs: number,
): Float64Array {
  const cols = colSquares.length;
  return products.map((ab, at) => {
    const [i, j] = [Math.floor(at / cols), at % cols];
    const [squareA, squareB] = [rowSquares[i] as number, colSquares[j] as number];
    const [sumA, sumB] = [rowSums[i] as number, colSums[j] as number];
    const [a, b] = [inputs * squareA - sumA * sumA, inputs * squareB - sumB * sumB];
    const apart = inputs * (squareA + squareB - 2 * ab) - (sumA - sumB) ** 2;
    const scales = (a - b) / (Math.sqrt(a) + Math.sqrt(b));
    return Math.max(0, apart - scales * scales) / (2 * Math.sqrt(a * b));
  });
}

/** By differences in float64 on the host, where images were not made of bytes in one way. */
async function differences(rows: ImageBlock, cols: ImageBlock, pause: Pause): Promise<Float64Array> {
  const [a, b] = [rows.data, cols.data];
  const inputs = a.length / rows.count;
  const result = new Float64Array(rows.count * cols.count);
  for (let i = 0, at = 0; i < rows.count; i++) {
    for (let j = 0; j < cols.count; j++, at++) {
      if (at % 64 === 0) await pause();
      let sum = 0;
      for (let x = 0; x < inputs; x++) {
        const apart = (a[i * inputs + x] as number) - (b[j * inputs + x] as number);
        sum += apart * apart;
      }
      result[at] = sum / (2 * inputs);
    }
  }
  return result;
}

/** The channels of a block's pixels on the device, (channels, pixels, images), and what half the mean of their squared differences is their sum times. */
export interface Channels {
  values: Tensor;
  scale: number;
}

/** Channels of two blocks in one unit: bytes where both were made of them in one way, so that differences are exact. */
export function channelsOf(rows: ImageBlock, cols: ImageBlock, pixels: number): [Channels, Channels] {
  const [a, b] = [rows.bytes, cols.bytes];
  const shared =
    a?.normalization.kind === 'shared' &&
    b?.normalization.kind === 'shared' &&
    a.normalization.offset === b.normalization.offset &&
    a.normalization.factor === b.normalization.factor;
  const factor = shared && a.normalization.kind === 'shared' ? a.normalization.factor : 1;
  const upload = (block: ImageBlock): Channels => {
    const source = shared ? (block.bytes as ImageBytes).pixels : block.data;
    const channels = source.length / block.count / pixels;
    const values = new Float32Array(source.length);
    for (let i = 0, at = 0; i < block.count; i++) {
      for (let p = 0; p < pixels; p++) {
        for (let c = 0; c < channels; c++, at++)
          values[(c * pixels + p) * block.count + i] = source[at] as number;
      }
    }
    return {
      values: tensor(values, [channels, pixels, block.count], 'float32'),
      scale: (factor * factor) / (2 * channels),
    };
  };
  const first = upload(rows);
  return [first, rows === cols ? first : upload(cols)];
}
