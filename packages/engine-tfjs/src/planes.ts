/** The state of a batch of planes M(p) = M(p, p + s): tensors (displacements, pixels, rows, cols), through the layers. */
import { type Algebra, scoped, type Tensor, tensor } from './algebra.js';
import type { DifferenceDual } from './duals/difference-dual.js';
import type { PairDual, Parameters } from './duals/pair-dual.js';
import { type Geometry, own } from './image-recursion.js';
import { ofReference } from './reference-planes.js';

/** delta, and of the NTK, where they are wanted, Delta and Theta; or the first two as K_ref - K and Theta_ref - Theta. */
export interface Planes {
  delta: Tensor;
  tangent: Tensor | null;
  theta: Tensor | null;
}

/** Which planes of the NTK are carried beside delta. */
export interface Carried {
  tangent: boolean;
  theta: boolean;
}

export function disposePlanes({ delta, tangent, theta }: Planes): void {
  for (const plane of [delta, tangent, theta]) plane?.dispose();
}

/**
 * For every offset of a window along rows, and along columns: 1 where the neighbour is in the image and the pair's partner
 * with it, else 0. Of planes whose partners wrap around an image in zero padding.
 */
export interface Cuts {
  rows: Tensor[];
  cols: Tensor[];
}

/** @param displacements (dy, dx), each from 0 to the image's height and width */
export function cutsOf(
  { height, width, filterSize }: Geometry,
  displacements: readonly (readonly [number, number])[],
): Cuts {
  const half = (filterSize - 1) / 2;
  const offsets = Array.from({ length: filterSize }, (_, i) => i - half);
  const isKept = (length: number, by: number, x: number, offset: number) => {
    const neighbour = x + offset;
    return neighbour >= 0 && neighbour < length && neighbour + by < length === x + by < length;
  };
  const batch = displacements.length;
  const rows = (offset: number) =>
    displacements.flatMap(([dy]) =>
      Array.from({ length: height }, (_, y) => Number(isKept(height, dy, y, offset))),
    );
  const cols = (offset: number) =>
    displacements.flatMap(([, dx]) =>
      Array.from({ length: height * width }, (_, p) => Number(isKept(width, dx, p % width, offset))),
    );
  return {
    rows: offsets.map((offset) => tensor(rows(offset), [batch, height, 1], 'float32')),
    cols: offsets.map((offset) => tensor(cols(offset), [batch * height, width, 1], 'float32')),
  };
}

/**
 * The f x f window sums of planes; the layer's scale, sigma_w^2 / f^2, is in the planes already. One axis after the other,
 * as sums of slices: a convolution would be rounded to ten bits by cards that multiply in TF32.
 */
export function windowSums(
  o: Algebra,
  planes: Tensor,
  { height, width, filterSize, wraps }: Geometry,
  cuts: Cuts | null,
): Tensor {
  if (filterSize === 1) return planes;
  const [batch, , rows, cols] = planes.shape as [number, number, number, number];
  const along = (x: Tensor, shape: [number, number, number], kept: Tensor[] | null) => {
    const whole = o.reshape(x, shape);
    const padded = wraps ? wrapped(o, whole, filterSize) : o.padZeros(whole, 1, (filterSize - 1) / 2);
    const moved = (b: number) => {
      const neighbours = o.slice(padded, [0, b, 0], shape);
      return kept === null ? neighbours : o.mul(neighbours, kept[b] as Tensor);
    };
    let sum = moved(0);
    for (let b = 1; b < filterSize; b++) sum = o.add(sum, moved(b));
    return sum;
  };
  const byRows = along(planes, [batch, height, width * rows * cols], cuts?.rows ?? null);
  const byBoth = along(byRows, [batch * height, width, rows * cols], cuts?.cols ?? null);
  return o.reshape(byBoth, planes.shape);
}

/** The middle axis continued on either side by half a filter. */
function wrapped(o: Algebra, x: Tensor, filterSize: number): Tensor {
  const [outer, length, inner] = x.shape as [number, number, number];
  const half = (filterSize - 1) / 2;
  const parts: Tensor[] = [];
  for (let at = -half; at < length + half; ) {
    const begin = ((at % length) + length) % length;
    const size = Math.min(length - begin, length + half - at);
    parts.push(begin === 0 && size === length ? x : o.slice(x, [0, begin, 0], [outer, size, inner]));
    at += size;
  }
  return o.concat(parts, 1);
}

/**
 * Takes planes through one layer:
 * delta <- A[delta_T], Delta <- A[delta_T + T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
 * Theta <- A[T_ab + T' Theta] + sb2, with T_ab = (T_aa + T_bb)/2 - delta_T and A = sw2 times the filter's mean.
 */
export function nextPlanes(
  o: Algebra,
  dual: PairDual,
  { delta, tangent, theta }: Planes,
  [a, b]: readonly [Parameters, Parameters],
  geometry: Geometry,
  biasVariance: number,
): Planes {
  const kept = scoped(() => {
    const extra = dual.parameters;
    const both = (index: number) => o.add(a(extra + index), b(extra + index));
    const apart = (index: number) => o.sub(a(extra + index), b(extra + index));
    const { complement, slope, slopeComplement } = dual.pair(delta, a, b);
    const next = [windowSums(o, complement, geometry, null)];
    if (tangent !== null) {
      let sum = o.mulAdd(slope, tangent, complement);
      if (slopeComplement !== null) sum = o.mulAdd(slopeComplement, both(own.halfTheta), sum);
      if (!dual.levelSlopes) sum = o.mulAdd(apart(own.slopeDeviation), apart(own.quarterRho), sum);
      next.push(windowSums(o, sum, geometry, null));
    }
    if (theta !== null) {
      const value = o.sub(both(own.halfValue), complement);
      next.push(o.add(windowSums(o, o.mulAdd(slope, theta, value), geometry, null), biasVariance));
    }
    return next;
  });
  return named(kept, { tangent: tangent !== null, theta: theta !== null });
}

/**
 * The same from the reference's pairs, D = K_ref - K and Dt = Theta_ref - Theta in the places of delta and Delta:
 * D <- A[T_ref - T], Dt <- A[T_ref - T + T' Dt + (T'_ref - T') Theta_ref], Theta <- A[T + T' Theta] + sb2.
 */
export function nextDifferences(
  o: Algebra,
  dual: DifferenceDual,
  { delta, tangent, theta }: Planes,
  [a, b, reference]: readonly [Parameters, Parameters, Parameters],
  geometry: Geometry,
  cuts: Cuts,
  biasVariance: number,
): Planes {
  const kept = scoped(() => {
    const { difference, slope, slopeDifference } = dual.pair(delta, a, b, reference);
    const ofPair = (index: number) => reference(dual.references + index);
    const next = [windowSums(o, difference, geometry, cuts)];
    if (tangent !== null) {
      let sum = o.mulAdd(slope, tangent, difference);
      if (slopeDifference !== null) sum = o.mulAdd(slopeDifference, ofPair(ofReference.theta), sum);
      next.push(windowSums(o, sum, geometry, cuts));
    }
    if (theta !== null) {
      const value = o.sub(ofPair(ofReference.value), difference);
      next.push(o.add(windowSums(o, o.mulAdd(slope, theta, value), geometry, cuts), biasVariance));
    }
    return next;
  });
  return named(kept, { tangent: tangent !== null, theta: theta !== null });
}

/** Planes from what a scope returned: delta first, Theta last. */
export function named(made: Tensor[], carried: Carried): Planes {
  return {
    delta: made[0] as Tensor,
    tangent: carried.tangent ? (made[1] as Tensor) : null,
    theta: carried.theta ? (made[made.length - 1] as Tensor) : null,
  };
}

/** The parameters of a block's images, broadcast along the other block's. */
export function parametersOf(o: Algebra, table: Tensor, shape: number[]): Parameters {
  const [, ...rest] = table.shape as [number, ...number[]];
  return (index) => o.reshape(o.slice(table, [index, ...rest.map(() => 0)], [1, ...rest]), shape);
}
