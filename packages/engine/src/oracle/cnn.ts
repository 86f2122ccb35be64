/**
 * The recursion of a convolutional network in complement form (Novak et al. 2019, Arora et al. 2019 for the plain one).
 * Pixel pairs (p, p + s) of one displacement s never mix with another displacement, so one plane M(p) = M(p, p + s)
 * runs through all layers alone: what a fully connected layer does to a pair, then the mean over the filter. Flatten
 * reads the plane s = 0, global average pooling all of them.
 *
 * Pooling with zero padding counts from the reference's pairs instead of from the pair's variances: complements of pixel
 * pairs far apart have a floor that all images share, in which a deep network's differences would drown. There
 * D = K_ref - K_ab <- sw2 A[T_ref - T_ab] and D_Theta <- D_new + sw2 A[T'_ab D_Theta + (T'_ref - T'_ab) Theta_ref].
 */
import type { Architecture } from '@tessera/spec';
import type { Moments, Pair } from './dual.js';
import type { PairState, Recursion } from './fcn.js';
import {
  allPixels,
  filterMean,
  type Geometry,
  type Lone,
  type PixelPairs,
  samePixels,
} from './pixel-pairs.js';

export interface ImageRecursion extends Recursion, Geometry {
  architecture: Architecture;
  channels: number;
}

/** One image (or the reference itself) at one depth: planes of what fcn.ts calls Variances. */
export interface VariancePlanes {
  q: Float64Array;
  theta: Float64Array;
  r: Float64Array;
  rho: Float64Array;
  /** T'_aa and T'_aa - T'_ref of the layer that follows. */
  slope: Float64Array;
  slopeDeviation: Float64Array;
  /** T_aa/2 and T'_aa Theta_aa/2: what a complement counts of a pixel whose partner is padding. */
  loneValue: Float64Array;
  loneTangent: Float64Array;
}

/** q(p) of an image at the read-in: the mean over channels of x^2. */
export function pixelVariances({ height, width, channels }: ImageRecursion, x: Float64Array): Float64Array {
  return new Float64Array(height * width).map((_, p) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += (x[p * channels + c] as number) ** 2;
    return sum / channels;
  });
}

/** An image at depth 0..layers, from its variances at the read-in. */
export function imageVariances(recursion: ImageRecursion, readIn: Float64Array): VariancePlanes[] {
  const { dual, weightVariance, biasVariance, referenceVariance, layers } = recursion;
  const pairs = samePixels(recursion);
  const layer = (plane: Float64Array) => filterMean(recursion, pairs, plane).map((v) => weightVariance * v);
  let qRef = new Float64Array(readIn.length).fill(referenceVariance);
  let q = readIn;
  let theta = q;
  let r = q.map((v) => v - referenceVariance);
  let rho = r;
  const depths: VariancePlanes[] = [];
  for (let l = 0; l <= layers; l++) {
    const moments = split(q, (v) => dual.variance(v));
    const reference = split(qRef, (v) => dual.variance(v));
    const more = split(q, (v, p) => dual.deviation(qRef[p] as number, v, r[p] as number));
    const thetaTangents = product(moments.derivative, theta);
    depths.push({
      q,
      theta,
      r,
      rho,
      slope: moments.derivative,
      slopeDeviation: more.derivative,
      loneValue: moments.value.map((v) => v / 2),
      loneTangent: thetaTangents.map((v) => v / 2),
    });
    r = layer(more.value);
    rho = add(r, layer(add(product(reference.derivative, rho), product(more.derivative, theta))));
    q = layer(moments.value).map((v) => v + biasVariance);
    theta = add(q, layer(thetaTangents));
    qRef = layer(reference.value).map((v) => v + biasVariance);
  }
  return depths;
}

function split(plane: Float64Array, f: (v: number, p: number) => Moments) {
  const value = new Float64Array(plane.length);
  const derivative = new Float64Array(plane.length);
  plane.forEach((v, p) => {
    const moments = f(v, p);
    value[p] = moments.value;
    derivative[p] = moments.derivative;
  });
  return { value, derivative };
}

export interface ImagePair {
  /** The images, in the read-in's numbers. */
  a: Float64Array;
  b: Float64Array;
  aDepths: VariancePlanes[];
  bDepths: VariancePlanes[];
  reference: VariancePlanes[];
}

/** Whether complements are counted from the reference's pairs. */
export const countsFromReference = ({ architecture: { family, padding } }: ImageRecursion): boolean =>
  family === 'cnn-gap' && padding === 'same';

/** A pair of images after the readout, at every depth. */
export async function imagePair(
  recursion: ImageRecursion,
  pair: ImagePair,
  pause: () => Promise<void>,
  readOut: (depth: number, state: PairState) => void,
): Promise<void> {
  const { layers, architecture } = recursion;
  const sums = Array.from({ length: layers + 1 }, () => new Float64Array(4));
  const pooled = architecture.family === 'cnn-gap';
  const run = countsFromReference(recursion) ? runFromReference : runPlane;
  let count = 0;
  for (const pairs of pooled ? allPixels(recursion) : [samePixels(recursion)]) {
    await pause();
    count += pairs.first.length;
    run(recursion, pair, pairs, (depth, ...planes) => {
      const total = sums[depth] as Float64Array;
      for (const [i, plane] of planes.entries()) total[i] = (total[i] as number) + sum(plane);
    });
  }
  for (let l = 0; l <= layers; l++) {
    const [k, theta, delta, complement] = (sums[l] as Float64Array).map((v) => v / count);
    const nngp = recursion.weightVariance * (k as number) + recursion.biasVariance;
    const nngpComplement = recursion.weightVariance * (delta as number);
    readOut(l, {
      nngp,
      ntk: nngp + recursion.weightVariance * (theta as number),
      nngpComplement,
      ntkComplement: nngpComplement + recursion.weightVariance * (complement as number),
    });
  }
}

/** K, Theta and their complements on one plane of pixel pairs. */
type ReadPlanes = (
  depth: number,
  k: Float64Array,
  theta: Float64Array,
  complement: Float64Array,
  thetaComplement: Float64Array,
) => void;

const product = (x: Float64Array, y: Float64Array) => x.map((v, i) => v * (y[i] as number));

const add = (x: Float64Array, y: Float64Array) => x.map((v, i) => v + (y[i] as number));

/** K(p, p + s) = (q_a(p) + q_b(p + s))/2 - delta */
const covariancePlane = (pairs: PixelPairs, a: VariancePlanes, b: VariancePlanes, delta: Float64Array) =>
  delta.map(
    (v, i) =>
      ((a.q[pairs.first[i] as number] as number) + (b.q[pairs.second[i] as number] as number)) / 2 - v,
  );

/** What of an image the pair's terms are made of, with the reference's plane and the image's deviations from it. */
const deviationOf = { q: 'r', theta: 'rho', slope: 'slopeDeviation' } as const;

/** Pixel p of image a minus pixel p2 of image b, by way of the reference. */
function apart(
  what: keyof typeof deviationOf,
  { a, b, reference }: LayerOfPair,
  p: number,
  p2: number,
): number {
  const shared = (reference[what][p] as number) - (reference[what][p2] as number);
  const deviation = deviationOf[what];
  return shared + ((a[deviation][p] as number) - (b[deviation][p2] as number));
}

/** The variances of the pair's pixels p and p2 with their complement. */
function pixelPair(layer: LayerOfPair, p: number, p2: number, delta: number): Pair {
  return { qa: layer.a.q[p] as number, qb: layer.b.q[p2] as number, e: apart('q', layer, p, p2), delta };
}

interface LayerOfPair {
  a: VariancePlanes;
  b: VariancePlanes;
  reference: VariancePlanes;
}

const layerOf = ({ aDepths, bDepths, reference }: ImagePair, l: number) =>
  ({ a: aDepths[l], b: bDepths[l], reference: reference[l] }) as LayerOfPair;

const loneOf = (what: 'loneValue' | 'loneTangent', { a, b }: LayerOfPair): Lone => ({
  first: a[what],
  second: b[what],
});

function runPlane(recursion: ImageRecursion, pair: ImagePair, pairs: PixelPairs, readOut: ReadPlanes): void {
  const { dual, weightVariance, layers } = recursion;
  const convolve = (plane: Float64Array, lone?: Lone) =>
    filterMean(recursion, pairs, plane, lone).map((v) => weightVariance * v);
  let delta = readInComplement(recursion, pair.a, pair.b, pairs);
  let complement = delta;
  let tangent: Float64Array | null = null;
  for (let l = 0; l <= layers; l++) {
    const layer = layerOf(pair, l);
    const k = covariancePlane(pairs, layer.a, layer.b, delta);
    const theta: Float64Array = tangent === null ? k : add(k, tangent);
    readOut(l, k, theta, delta, complement);
    if (l === layers) return;
    const values = new Float64Array(k.length);
    const tangents = new Float64Array(k.length);
    const tangentComplements = new Float64Array(k.length);
    for (let i = 0; i < k.length; i++) {
      const p = pairs.first[i] as number;
      const p2 = pairs.second[i] as number;
      const moments = dual.pair(pixelPair(layer, p, p2, delta[i] as number));
      const thetas = (layer.a.theta[p] as number) + (layer.b.theta[p2] as number);
      values[i] = moments.complement;
      tangents[i] = moments.derivative * (theta[i] as number);
      tangentComplements[i] =
        moments.derivative * (complement[i] as number) +
        (moments.derivativeComplement * thetas) / 2 +
        (apart('slope', layer, p, p2) * apart('theta', layer, p, p2)) / 4;
    }
    delta = convolve(values, loneOf('loneValue', layer));
    complement = add(delta, convolve(tangentComplements, loneOf('loneTangent', layer)));
    tangent = convolve(tangents);
  }
}

function runFromReference(
  recursion: ImageRecursion,
  pair: ImagePair,
  pairs: PixelPairs,
  readOut: ReadPlanes,
): void {
  const { dual, weightVariance, layers } = recursion;
  const convolve = (plane: Float64Array, lone?: Lone) =>
    filterMean(recursion, pairs, plane, lone).map((v) => weightVariance * v);
  const shared: ImagePair = { ...pair, aDepths: pair.reference, bDepths: pair.reference };
  let delta = readInComplement(recursion, pair.a, pair.b, pairs);
  // The reference is an image of equal pixels: at the read-in none of its pairs is apart.
  let deltaRef = new Float64Array(delta.length);
  let tangent: Float64Array | null = null;
  let tangentRef: Float64Array | null = null;
  let distance = readInDistance(pair, pairs, delta);
  let thetaDistance = distance;
  for (let l = 0; l <= layers; l++) {
    const layer = layerOf(pair, l);
    const own = layerOf(shared, l);
    const k = covariancePlane(pairs, layer.a, layer.b, delta);
    const kRef = covariancePlane(pairs, own.a, own.b, deltaRef);
    const theta: Float64Array = tangent === null ? k : add(k, tangent);
    const thetaRef: Float64Array = tangentRef === null ? kRef : add(kRef, tangentRef);
    readOut(l, k, theta, distance, thetaDistance);
    if (l === layers) return;
    const values = new Float64Array(k.length);
    const valuesRef = new Float64Array(k.length);
    const distances = new Float64Array(k.length);
    const tangents = new Float64Array(k.length);
    const tangentsRef = new Float64Array(k.length);
    const thetaDistances = new Float64Array(k.length);
    for (let i = 0; i < k.length; i++) {
      const p = pairs.first[i] as number;
      const p2 = pairs.second[i] as number;
      const here = pixelPair(layer, p, p2, delta[i] as number);
      const there = pixelPair(own, p, p2, deltaRef[i] as number);
      const moments = dual.pair(here);
      const momentsRef = dual.pair(there);
      const by = { qa: -(layer.a.r[p] as number), qb: -(layer.b.r[p2] as number), k: distance[i] as number };
      const step = dual.distance(here, there, by);
      values[i] = moments.complement;
      valuesRef[i] = momentsRef.complement;
      distances[i] = step.value;
      tangents[i] = moments.derivative * (theta[i] as number);
      tangentsRef[i] = momentsRef.derivative * (thetaRef[i] as number);
      thetaDistances[i] =
        moments.derivative * (thetaDistance[i] as number) + step.derivative * (thetaRef[i] as number);
    }
    delta = convolve(values, loneOf('loneValue', layer));
    deltaRef = convolve(valuesRef, loneOf('loneValue', own));
    distance = convolve(distances);
    thetaDistance = add(distance, convolve(thetaDistances));
    tangent = convolve(tangents);
    tangentRef = convolve(tangentsRef);
  }
}

/** K_ref - K_ab = delta - (r_a + r_b)/2, where no pair of the reference is apart. */
function readInDistance(pair: ImagePair, { first, second }: PixelPairs, delta: Float64Array): Float64Array {
  const { a, b } = layerOf(pair, 0);
  return delta.map(
    (v, i) => v - ((a.r[first[i] as number] as number) + (b.r[second[i] as number] as number)) / 2,
  );
}

/** delta(p, p + s) of the images: half the mean over channels of (a - b)^2. */
function readInComplement(
  { channels }: ImageRecursion,
  a: Float64Array,
  b: Float64Array,
  { first, second }: PixelPairs,
): Float64Array {
  return new Float64Array(first.length).map((_, i) => {
    const at = (first[i] as number) * channels;
    const other = (second[i] as number) * channels;
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += ((a[at + c] as number) - (b[other + c] as number)) ** 2;
    return squares / (2 * channels);
  });
}

/** Of a plane's numbers. */
export function sum(plane: Float64Array): number {
  let total = 0;
  for (let i = 0; i < plane.length; i++) total += plane[i] as number;
  return total;
}
