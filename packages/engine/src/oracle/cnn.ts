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
  /** T_aa, T'_aa and T'_aa - T'_ref of the layer that follows. */
  value: Float64Array;
  slope: Float64Array;
  slopeDeviation: Float64Array;
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
    const planes = { value: moments.value, slope: moments.derivative, slopeDeviation: more.derivative };
    depths.push({ q, theta, r, rho, ...planes });
    r = layer(more.value);
    const tangent = layer(
      rho.map(
        (v, p) =>
          (reference.derivative[p] as number) * v + (more.derivative[p] as number) * (theta[p] as number),
      ),
    );
    rho = r.map((v, p) => v + (tangent[p] as number));
    q = layer(moments.value).map((v) => v + biasVariance);
    const thetaTangent = layer(theta.map((v, p) => v * (moments.derivative[p] as number)));
    theta = q.map((v, p) => v + (thetaTangent[p] as number));
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

/** The two variances of every pixel pair: q of both, and e = q_a(p) - q_b(p + s) by way of the reference. */
function pixelVariancePairs(
  pairs: PixelPairs,
  a: VariancePlanes,
  b: VariancePlanes,
  reference: VariancePlanes,
) {
  const apart = (plane: 'q' | 'slope' | 'theta', deviation: 'r' | 'slopeDeviation' | 'rho') =>
    new Float64Array(pairs.first.length).map((_, i) => {
      const [p, p2] = [pairs.first[i] as number, pairs.second[i] as number];
      const shared = (reference[plane][p] as number) - (reference[plane][p2] as number);
      return shared + ((a[deviation][p] as number) - (b[deviation][p2] as number));
    });
  return {
    qa: pick(a.q, pairs.first),
    qb: pick(b.q, pairs.second),
    e: apart('q', 'r'),
    slopesApart: () => apart('slope', 'slopeDeviation'),
    thetasApart: () => apart('theta', 'rho'),
  };
}

const pick = (plane: Float64Array, indices: Int32Array) =>
  Float64Array.from(indices, (p) => plane[p] as number);

const half = (a: Float64Array, b: Float64Array): Lone => ({
  first: a.map((v) => v / 2),
  second: b.map((v) => v / 2),
});

const product = (x: Float64Array, y: Float64Array) => x.map((v, i) => v * (y[i] as number));

function runPlane(recursion: ImageRecursion, pair: ImagePair, pairs: PixelPairs, readOut: ReadPlanes): void {
  const { dual, weightVariance, layers } = recursion;
  const layer = (plane: Float64Array, lone?: Lone) =>
    filterMean(recursion, pairs, plane, lone).map((v) => weightVariance * v);
  let delta = readInComplement(recursion, pair.a, pair.b, pairs);
  let complement = delta;
  let tangent: Float64Array | null = null;
  for (let l = 0; l <= layers; l++) {
    const [a, b, reference] = atDepth(pair, l);
    const { qa, qb, e, slopesApart, thetasApart } = pixelVariancePairs(pairs, a, b, reference);
    const k = delta.map((v, i) => ((qa[i] as number) + (qb[i] as number)) / 2 - v);
    const theta: Float64Array = tangent === null ? k : add(k, tangent);
    readOut(l, k, theta, delta, complement);
    if (l === layers) return;
    const values = new Float64Array(k.length);
    const tangents = new Float64Array(k.length);
    const tangentComplements = new Float64Array(k.length);
    const [thetaA, thetaB] = [pick(a.theta, pairs.first), pick(b.theta, pairs.second)];
    const [slopes, thetas] = [slopesApart(), thetasApart()];
    for (let i = 0; i < k.length; i++) {
      const moments = dual.pair(pairAt(qa, qb, e, delta, i));
      values[i] = moments.complement;
      tangents[i] = moments.derivative * (theta[i] as number);
      tangentComplements[i] =
        moments.derivative * (complement[i] as number) +
        (moments.derivativeComplement * ((thetaA[i] as number) + (thetaB[i] as number))) / 2 +
        ((slopes[i] as number) * (thetas[i] as number)) / 4;
    }
    delta = layer(values, half(a.value, b.value));
    const lone = half(product(a.slope, a.theta), product(b.slope, b.theta));
    complement = add(delta, layer(tangentComplements, lone));
    tangent = layer(tangents);
  }
}

function runFromReference(
  recursion: ImageRecursion,
  pair: ImagePair,
  pairs: PixelPairs,
  readOut: ReadPlanes,
): void {
  const { dual, weightVariance, layers } = recursion;
  const layer = (plane: Float64Array, lone?: Lone) =>
    filterMean(recursion, pairs, plane, lone).map((v) => weightVariance * v);
  let delta = readInComplement(recursion, pair.a, pair.b, pairs);
  // The reference is an image of equal pixels: at the read-in none of its pairs is apart.
  let deltaRef = new Float64Array(delta.length);
  let tangent: Float64Array | null = null;
  let tangentRef: Float64Array | null = null;
  let distance: Float64Array | null = null;
  let thetaDistance: Float64Array | null = null;
  for (let l = 0; l <= layers; l++) {
    const [a, b, reference] = atDepth(pair, l);
    const { qa, qb, e } = pixelVariancePairs(pairs, a, b, reference);
    const own = pixelVariancePairs(pairs, reference, reference, reference);
    const [ra, rb] = [pick(a.r, pairs.first), pick(b.r, pairs.second)];
    const k = delta.map((v, i) => ((qa[i] as number) + (qb[i] as number)) / 2 - v);
    const kRef = deltaRef.map((v, i) => ((own.qa[i] as number) + (own.qb[i] as number)) / 2 - v);
    const theta: Float64Array = tangent === null ? k : add(k, tangent);
    const thetaRef: Float64Array = tangentRef === null ? kRef : add(kRef, tangentRef);
    distance ??= delta.map((v, i) => v - ((ra[i] as number) + (rb[i] as number)) / 2);
    thetaDistance ??= distance;
    readOut(l, k, theta, distance, thetaDistance);
    if (l === layers) return;
    const [values, valuesRef, distances, tangents, tangentsRef, thetaDistances] = Array.from(
      { length: 6 },
      () => new Float64Array(k.length),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    for (let i = 0; i < k.length; i++) {
      const [here, there] = [pairAt(qa, qb, e, delta, i), pairAt(own.qa, own.qb, own.e, deltaRef, i)];
      const [moments, momentsRef] = [dual.pair(here), dual.pair(there)];
      const by = { qa: -(ra[i] as number), qb: -(rb[i] as number), k: distance[i] as number };
      const apart = dual.distance(here, there, by);
      values[i] = moments.complement;
      valuesRef[i] = momentsRef.complement;
      distances[i] = apart.value;
      tangents[i] = moments.derivative * (theta[i] as number);
      tangentsRef[i] = momentsRef.derivative * (thetaRef[i] as number);
      thetaDistances[i] =
        moments.derivative * (thetaDistance[i] as number) + apart.derivative * (thetaRef[i] as number);
    }
    delta = layer(values, half(a.value, b.value));
    deltaRef = layer(valuesRef, half(reference.value, reference.value));
    distance = layer(distances);
    thetaDistance = add(distance, layer(thetaDistances));
    tangent = layer(tangents);
    tangentRef = layer(tangentsRef);
  }
}

const atDepth = ({ aDepths, bDepths, reference }: ImagePair, l: number) =>
  [aDepths[l], bDepths[l], reference[l]] as [VariancePlanes, VariancePlanes, VariancePlanes];

const pairAt = (
  qa: Float64Array,
  qb: Float64Array,
  e: Float64Array,
  delta: Float64Array,
  i: number,
): Pair => ({
  qa: qa[i] as number,
  qb: qb[i] as number,
  e: e[i] as number,
  delta: delta[i] as number,
});

const add = (x: Float64Array, y: Float64Array) => x.map((v, i) => v + (y[i] as number));

/** delta(p, p + s) of the images: half the mean over channels of (a - b)^2. */
function readInComplement(
  { channels }: ImageRecursion,
  a: Float64Array,
  b: Float64Array,
  { first, second }: PixelPairs,
): Float64Array {
  return Float64Array.from(first, (p, i) => {
    const other = second[i] as number;
    let squares = 0;
    for (let c = 0; c < channels; c++) {
      squares += ((a[p * channels + c] as number) - (b[other * channels + c] as number)) ** 2;
    }
    return squares / (2 * channels);
  });
}

export const sum = (plane: Float64Array): number => plane.reduce((total, v) => total + v, 0);
