/** Normalization of pixels: what is computed once from the chosen training images, and what is done to each image. */
import { inputCount, type Normalization, type Split, TesseraError } from '@tessera/spec';
import type { Dataset, Pixels } from './dataset.js';
import { CompensatedSum } from './exact-sum.js';

/** Images read at once where a pass over all chosen ones is made. */
export const passBytes = 8 * 1024 * 1024;

/** x -> (x - mean) / deviation. */
export interface Standardization {
  mean: number;
  deviation: number;
}

/**
 * One mean and one population standard deviation over all pixels of the chosen training images. Exact integer sums
 * for uint8, compensated sums in file order for floats: the same bits on every machine.
 * @throws TesseraError `invalid-spec` where all pixels are equal, or so large that the variance overflows
 */
export async function standardizationOf(dataset: Dataset, train: Int32Array): Promise<Standardization> {
  const found =
    dataset.manifest.dtype === 'uint8'
      ? await integerMoments(dataset, train)
      : await floatMoments(dataset, train);
  if (found.deviation > 0 && Number.isFinite(found.deviation)) return found;
  const why =
    found.deviation === 0
      ? `all pixels of the ${train.length} training images are ${found.mean}`
      : 'the variance of the training pixels overflows';
  const message = `dataset.normalization is standardize, but ${why}; write another normalization, or choose other images.`;
  throw new TesseraError('invalid-spec', 'The training images cannot be standardized.', {
    problems: [{ pointer: '/dataset/normalization', message }],
  });
}

async function integerMoments(dataset: Dataset, train: Int32Array): Promise<Standardization> {
  let sum = 0n;
  let squares = 0n;
  let count = 0n;
  for await (const pixels of passes(dataset, 'train', train)) {
    // At most 255^2 times the values of a pass: exact in float64.
    let passSum = 0;
    let passSquares = 0;
    for (let i = 0; i < pixels.length; i++) {
      const value = pixels[i] as number;
      passSum += value;
      passSquares += value * value;
    }
    sum += BigInt(passSum);
    squares += BigInt(passSquares);
    count += BigInt(pixels.length);
  }
  const variance = Number(count * squares - sum * sum) / Number(count * count);
  return { mean: Number(sum) / Number(count), deviation: Math.sqrt(variance) };
}

async function floatMoments(dataset: Dataset, train: Int32Array): Promise<Standardization> {
  const count = train.length * inputCount(dataset.manifest.shape);
  const sum = new CompensatedSum();
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const pixels of passes(dataset, 'train', train)) {
    for (let i = 0; i < pixels.length; i++) {
      const value = pixels[i] as number;
      sum.add(value);
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  }
  // The mean of equal floats rounds; their deviation is 0 all the same.
  if (least === most) return { mean: least, deviation: 0 };
  const mean = sum.value / count;
  const squares = new CompensatedSum();
  for await (const pixels of passes(dataset, 'train', train)) {
    for (let i = 0; i < pixels.length; i++) squares.add(((pixels[i] as number) - mean) ** 2);
  }
  return { mean, deviation: Math.sqrt(squares.value / count) };
}

async function* passes(dataset: Dataset, split: Split, indices: Int32Array): AsyncGenerator<Pixels> {
  const step = Math.max(1, Math.floor(passBytes / (8 * inputCount(dataset.manifest.shape))));
  for (let first = 0; first < indices.length; first += step) {
    yield await dataset.pixels(split, indices.subarray(first, first + step));
  }
}

/**
 * Normalizes pixels of whole images to float64.
 * @param standardization of the training images; read for `standardize` alone
 * @param indices which images these are, for messages
 * @throws TesseraError `invalid-spec` naming an image that `unit-sphere` cannot scale because it is constant
 */
export function normalizePixels(
  pixels: Pixels,
  inputs: number,
  normalization: Normalization,
  standardization: Standardization | null,
  which: { split: Split; indices: Int32Array },
): Float64Array {
  if (normalization === 'none') return Float64Array.from(pixels);
  if (normalization === 'unit-sphere') return toUnitSphere(pixels, inputs, which);
  const rule = normalization === 'scale' ? { mean: 0, deviation: 255 } : standardization;
  if (rule === null)
    throw new TesseraError('internal', 'Images are standardized before their statistics are known.');
  const { mean, deviation } = rule;
  const values = new Float64Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) values[i] = ((pixels[i] as number) - mean) / deviation;
  return values;
}

/** Each image minus its own mean over all inputs, scaled to the squared norm `inputs`. */
function toUnitSphere(
  pixels: Pixels,
  inputs: number,
  { split, indices }: { split: Split; indices: Int32Array },
): Float64Array {
  const values = new Float64Array(pixels.length);
  for (let image = 0; image < indices.length; image++) {
    const from = pixels.subarray(image * inputs, (image + 1) * inputs);
    const to = values.subarray(image * inputs, (image + 1) * inputs);
    const sum = new CompensatedSum();
    for (let i = 0; i < inputs; i++) sum.add(from[i] as number);
    const mean = sum.value / inputs;
    const squares = new CompensatedSum();
    for (let i = 0; i < inputs; i++) {
      const centered = (from[i] as number) - mean;
      to[i] = centered;
      squares.add(centered * centered);
    }
    const scale = Math.sqrt(inputs / squares.value);
    if (isConstant(from) || !(scale > 0 && Number.isFinite(scale))) {
      throw notScalable(split, indices[image] as number, isConstant(from));
    }
    for (let i = 0; i < inputs; i++) to[i] = (to[i] as number) * scale;
  }
  return values;
}

function isConstant(image: Pixels): boolean {
  for (let i = 1; i < image.length; i++) if (image[i] !== image[0]) return false;
  return true;
}

function notScalable(split: Split, index: number, constant: boolean): TesseraError {
  const name = `${split === 'train' ? 'training' : 'test'} image ${index}`;
  const why = constant ? 'is constant' : 'has values too large or too small to square';
  const message = `dataset.normalization is unit-sphere, but ${name} ${why}; write another normalization, or leave it out.`;
  return new TesseraError('invalid-spec', `The ${name} cannot be scaled to the unit sphere.`, {
    problems: [{ pointer: '/dataset/normalization', message }],
  });
}
