/** The largest eigenvalue of [[alpha, beta^T], [beta, B]] where alpha dominates, and what is left without it. */

export interface TopVector {
  value: number;
  /** The eigenvector is (1, z)/sqrt(1 + z.z). */
  z: Float64Array;
  /** B z. */
  bz: Float64Array;
  /** z . z. */
  n: number;
}

/** alpha > 4 ||B|| makes every step four times better at least: 27 are enough for 16 digits. */
const mostSteps = 60;

/**
 * Iterates lambda = alpha + beta.z, z <- (beta + B z)/lambda.
 * @param product x to B x
 */
export async function topVector(
  alpha: number,
  beta: Float64Array,
  product: (x: Float64Array) => Promise<Float64Array>,
): Promise<TopVector> {
  let z = beta.map((value) => value / alpha);
  let bz = await product(z);
  for (let step = 0; step < mostSteps; step++) {
    const value = alpha + dot(beta, z);
    const next = bz.map((entry, i) => ((beta[i] as number) + entry) / value);
    let change = 0;
    let largest = 0;
    for (let i = 0; i < next.length; i++) {
      change = Math.max(change, Math.abs((next[i] as number) - (z[i] as number)));
      largest = Math.max(largest, Math.abs(next[i] as number));
    }
    z = next;
    if (!(change > 4e-16 * largest)) break;
    bz = await product(z);
  }
  return { value: alpha + dot(beta, z), z, bz, n: dot(z, z) };
}

/**
 * On the complement of the top vector the matrix is C = B - z y^T - y z^T, in the basis Y - c z (z^T Y): C has exactly
 * the other eigenvalues.
 */
export function deflation(
  alpha: number,
  beta: Float64Array,
  { z, bz, n }: TopVector,
): { z: Float64Array; y: Float64Array; c: number } {
  const c = shortening(n);
  const w0 = beta.map((value, i) => value - (alpha / 2) * (z[i] as number));
  const along = dot(w0, z);
  const u = bz.map((value, i) => value - (z[i] as number) * along - n * (w0[i] as number));
  const zu = dot(z, u);
  const y = w0.map((value, i) => value + c * (u[i] as number) - ((c * c) / 2) * zu * (z[i] as number));
  return { z, y, c };
}

/** c of the basis Y - c z (z^T Y), which is orthogonal to (1, z). */
export const shortening = (n: number): number => 1 / (1 + n + Math.sqrt(1 + n));

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
