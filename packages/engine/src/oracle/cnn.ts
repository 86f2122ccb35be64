/**
 * The recursion of a convolutional network for one pair of images (Novak et al. 2019, Arora et al. 2019).
 * Pixel pairs (p, p + s) of one displacement s never mix with another displacement, so one plane M(p) = M(p, p + s)
 * runs through all layers alone: K <- sw2 A[T(K)] + sb2 and Theta <- K_new + sw2 A[T'(K_old) Theta], A the box
 * average over the filter. Flatten reads the plane s = 0, global average pooling all of them.
 */
import type { Architecture } from '@tessera/spec';
import { boxAverage } from './box-average.js';
import type { Recursion } from './fcn.js';

export interface ImageRecursion extends Recursion {
  architecture: Architecture;
  height: number;
  width: number;
  channels: number;
}

/** Variances q(p) of one image at depth 0..layers, one plane a depth. */
export function imageVariances(recursion: ImageRecursion, x: Float64Array): Float64Array[] {
  const { dual, weightVariance, biasVariance, layers, height, width, architecture } = recursion;
  const whole = { dy: 0, dx: 0, top: 0, left: 0, height, width };
  const planes = [covariancePlane(recursion, x, x, whole)];
  for (let l = 0; l < layers; l++) {
    const q = planes[l] as Float64Array;
    const image = q.map((v) => dual(v, v, v).value);
    const average = boxAverage(image, height, width, architecture.filterSize, architecture.padding);
    planes.push(average.map((v) => weightVariance * v + biasVariance));
  }
  return planes;
}

/** K and Theta of a pair of images after the readout, at every depth. `same`: both are one image. */
export async function imagePair(
  recursion: ImageRecursion,
  pair: { a: Float64Array; b: Float64Array; qa: Float64Array[]; qb: Float64Array[]; same: boolean },
  pause: () => Promise<void>,
  readOut: (depth: number, nngp: number, ntk: number) => void,
): Promise<void> {
  const { layers, height, width, architecture, weightVariance, biasVariance } = recursion;
  const sumK = new Float64Array(layers + 1);
  const sumTheta = new Float64Array(layers + 1);
  const planes =
    architecture.family === 'cnn-gap' ? displacements(recursion) : flattenDisplacement(recursion);
  for (const plane of planes) {
    await pause();
    runPlane(recursion, pair, plane, (depth, k, theta) => {
      sumK[depth] = (sumK[depth] as number) + k;
      sumTheta[depth] = (sumTheta[depth] as number) + theta;
    });
  }
  const pixels = height * width;
  const count = architecture.family === 'cnn-gap' ? pixels * pixels : pixels;
  for (let l = 0; l <= layers; l++) {
    const nngp = (weightVariance * (sumK[l] as number)) / count + biasVariance;
    readOut(l, nngp, nngp + (weightVariance * (sumTheta[l] as number)) / count);
  }
}

/** The pixels p of the first image whose partner p + (dy, dx) lies in the second: all of them where padding wraps. */
interface Displacement {
  dy: number;
  dx: number;
  top: number;
  left: number;
  height: number;
  width: number;
}

const flattenDisplacement = ({ height, width }: ImageRecursion): Displacement[] => [
  { dy: 0, dx: 0, top: 0, left: 0, height, width },
];

function displacements({ height, width, architecture }: ImageRecursion): Displacement[] {
  const result: Displacement[] = [];
  const wraps = architecture.padding === 'circular';
  for (let dy = wraps ? 0 : 1 - height; dy < height; dy++) {
    for (let dx = wraps ? 0 : 1 - width; dx < width; dx++) {
      if (wraps) result.push({ dy, dx, top: 0, left: 0, height, width });
      else {
        const rectangle = { height: height - Math.abs(dy), width: width - Math.abs(dx) };
        result.push({ dy, dx, top: Math.max(0, -dy), left: Math.max(0, -dx), ...rectangle });
      }
    }
  }
  return result;
}

function runPlane(
  recursion: ImageRecursion,
  pair: { a: Float64Array; b: Float64Array; qa: Float64Array[]; qb: Float64Array[]; same: boolean },
  plane: Displacement,
  readOut: (depth: number, sumK: number, sumTheta: number) => void,
): void {
  const { dual, weightVariance, biasVariance, layers, architecture } = recursion;
  const average = (m: Float64Array) =>
    boxAverage(m, plane.height, plane.width, architecture.filterSize, architecture.padding);
  const isVariance = pair.same && plane.dy === 0 && plane.dx === 0;
  let k = isVariance ? (pair.qa[0] as Float64Array) : covariancePlane(recursion, pair.a, pair.b, plane);
  let theta = k;
  readOut(0, sum(k), sum(theta));
  const { first, second } = pixelPairs(recursion, plane);
  for (let l = 0; l < layers; l++) {
    const qa = pair.qa[l] as Float64Array;
    const qb = pair.qb[l] as Float64Array;
    const value = new Float64Array(k.length);
    const tangent = new Float64Array(k.length);
    for (let p = 0; p < k.length; p++) {
      const dualed = dual(
        qa[first[p] as number] as number,
        qb[second[p] as number] as number,
        k[p] as number,
      );
      value[p] = dualed.value;
      tangent[p] = dualed.derivative * (theta[p] as number);
    }
    k = isVariance
      ? (pair.qa[l + 1] as Float64Array)
      : average(value).map((v) => weightVariance * v + biasVariance);
    theta = average(tangent).map((v, p) => (k[p] as number) + weightVariance * v);
    readOut(l + 1, sum(k), sum(theta));
  }
}

/** Indices of p in the first image and p + s in the second, in the plane's order. */
function pixelPairs({ height, width }: ImageRecursion, plane: Displacement) {
  const first = new Int32Array(plane.height * plane.width);
  const second = new Int32Array(first.length);
  for (let y = 0, i = 0; y < plane.height; y++) {
    for (let x = 0; x < plane.width; x++, i++) {
      const [row, col] = [plane.top + y, plane.left + x];
      first[i] = row * width + col;
      second[i] = ((row + plane.dy) % height) * width + ((col + plane.dx) % width);
    }
  }
  return { first, second };
}

/** The read-in: K0(p, p') = mean over channels of a(p) b(p'). */
function covariancePlane(recursion: ImageRecursion, a: Float64Array, b: Float64Array, plane: Displacement) {
  const { channels } = recursion;
  const { first, second } = pixelPairs(recursion, plane);
  return Float64Array.from(first, (p, i) => {
    const other = second[i] as number;
    let product = 0;
    for (let c = 0; c < channels; c++) {
      product += (a[p * channels + c] as number) * (b[other * channels + c] as number);
    }
    return product / channels;
  });
}

const sum = (plane: Float64Array): number => plane.reduce((total, v) => total + v, 0);
