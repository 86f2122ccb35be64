/**
 * Kernels of a deep erf network on images of one norm, in complement form: the closed forms for equal variances q, with
 * delta = q - K, T'(a, b) and D' = T'(a, a) - T'(a, b). Only what the tests of this package need; engines have the rest.
 */
export interface ErfKernels {
  /** Row-major m x m. */
  complement: Float64Array;
  matrix: Float64Array;
  /** Theta(a, a), of every image. */
  reference: number;
}

/** Points on the sphere whose coordinates decay as those of images do; the same for a seed. */
export function spherePoints(count: number, inputs: number, seed: number): Float64Array[] {
  let state = seed | 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24 - 0.5;
  };
  return Array.from({ length: count }, () => {
    const point = Float64Array.from(
      { length: inputs },
      (_, i) => (random() + random() + random()) / (1 + i / 4),
    );
    const length = Math.sqrt(point.reduce((sum, value) => sum + value * value, 0) / inputs);
    return point.map((value) => value / length);
  });
}

/** The NTK of rows against columns. @param weight sigma_w^2; @param bias sigma_b^2 */
export function erfComplements(
  rows: readonly Float64Array[],
  cols: readonly Float64Array[],
  weight: number,
  bias: number,
  depth: number,
): ErfKernels {
  const inputs = (rows[0] as Float64Array).length;
  const differences = rows.flatMap((a) =>
    cols.map((b) => a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / (2 * inputs)),
  );
  let delta = Float64Array.from(differences, (value) => weight * value);
  let big = delta.slice();
  let q = weight + bias;
  let theta = q;
  for (let layer = 0; layer < depth; layer++) {
    const root = Math.sqrt(1 + 4 * q);
    const next = new Float64Array(delta.length);
    const nextBig = new Float64Array(delta.length);
    for (let i = 0; i < delta.length; i++) {
      const d = delta[i] as number;
      const k = q - d;
      const g = d * (q + k);
      const v = Math.sqrt(1 + 4 * q + 4 * g);
      const [x, y, c, m] = [Math.SQRT2 * v, Math.sqrt(8) * k, Math.sqrt(8) * q, Math.sqrt(2 + 8 * q)];
      const sine = k >= 0 ? (16 * (1 + 2 * q) ** 2 * g) / (x * c + y * m) : x * c - y * m;
      next[i] = weight * (2 / Math.PI) * Math.atan2(sine, y * c + x * m);
      const slope = 4 / Math.PI / v;
      const lost = ((4 / Math.PI) * 4 * g) / (root * v * (root + v));
      nextBig[i] = (next[i] as number) + weight * (slope * (big[i] as number) + lost * theta);
    }
    const variance = weight * (2 / Math.PI) * Math.asin((2 * q) / (1 + 2 * q)) + bias;
    theta = variance + (weight * (4 / Math.PI) * theta) / root;
    q = variance;
    delta = next;
    big = nextBig;
  }
  return { complement: big, matrix: big.map((value) => theta - value), reference: theta };
}
