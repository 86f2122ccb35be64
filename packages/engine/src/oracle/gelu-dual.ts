/**
 * phi(x) = x (1 + erf(x / sqrt 2)) / 2. With P = (1 + q_a)(1 + q_b), p = q_a q_b, D^2 = P - k^2, A = atan2(k, D):
 * T = k/4 + [k A + (k^2 + p D^2)/(P D)]/(2 pi), T' = 1/4 + [A + k/D^3 + k (1 - p)/(P D) + k/D]/(2 pi).
 * Variances of deep gelu networks may differ by more than their images do (chi_q > chi_1): with global pooling and zero
 * padding the distance to the reference then loses (chi_q / chi_1)^depth of what tells two images apart.
 */
import { arcTangent, type Differenced, over, plus, root, scaled, shifted, times } from './differenced.js';
import type { Dual, Pair } from './dual.js';
import { erfAngle } from './erf-dual.js';
import { covariance, determinant, meanVariance } from './gaussian-pair.js';

const TWO_PI = 2 * Math.PI;

/** A_aa - A_bb: half the difference of the two variances' arcs. */
function arcDifference(qa: number, qb: number, e: number): number {
  if (e === 0) return 0;
  const sine = 2 * e * ((qa + qb) / 2 + qa * qb);
  return Math.asin(sine / ((qa * Math.sqrt(1 + 2 * qb) + qb * Math.sqrt(1 + 2 * qa)) * (1 + qa) * (1 + qb)));
}

/** Per Gaussian: D = sqrt(1 + 2q), f = q/(1 + q), g = (1 + q)/D. */
function perVariance(q: number) {
  const d = Math.sqrt(1 + 2 * q);
  return { d, f: q / (1 + q), g: (1 + q) / d };
}

/** (T_aa + T_bb)/2 - T_ab (complement.md, gelu). */
function complement(pair: Pair): number {
  const { qa, qb, e, delta } = pair;
  const [a, b] = [perVariance(qa), perVariance(qb)];
  const [qm, k, det] = [meanVariance(pair), covariance(pair), determinant(pair)];
  const product = (1 + qa) * (1 + qb);
  const small = qa * qb;
  const w = 1 + 2 * qm;
  const [d0, d] = [Math.sqrt(w), Math.sqrt(w + det)];
  const pi = (1 + 2 * qa) * (1 + 2 * qb);
  const gMean = (a.g + b.g) / 2;
  const g0 = (1 + qm) / d0;
  const df = e / product;
  const dg = (e * (qm + small)) / (pi * (a.g + b.g));
  const gg = ((e * e) / (4 * pi * w) - dg * dg) / (gMean + g0);
  const unequal = df * df * gMean + df * (a.f + b.f) * dg + 2 * a.f * b.f * gg;
  const apart = (det / (product * d)) * ((2 * small * (1 + qm)) / (d0 * (d + d0)) + 1 - small);
  const arcs = delta * Math.atan2(k, d) + qm * halfErfAngle(pair) + (e * arcDifference(qa, qb, e)) / 4;
  return delta / 4 + (arcs + unequal + apart) / TWO_PI;
}

/** (A_aa + A_bb)/2 - A_ab */
const halfErfAngle = ({ qa, qb, e, delta }: Pair): number =>
  erfAngle({ qa: qa / 2, qb: qb / 2, e: e / 2, delta: delta / 2 });

/** (T'_aa + T'_bb)/2 - T'_ab (complement.md, gelu). */
function derivativeComplement(pair: Pair): number {
  const { qa, qb, e, delta } = pair;
  const [da, db] = [perVariance(qa).d, perVariance(qb).d];
  const [qm, det] = [meanVariance(pair), determinant(pair)];
  const product = (1 + qa) * (1 + qb);
  const small = qa * qb;
  const w = 1 + 2 * qm;
  const [d0, d] = [Math.sqrt(w), Math.sqrt(w + det)];
  const rootPi = da * db;
  const pi = rootPi * rootPi;
  const square = e * e;
  const mean1 = (1 / da + 1 / db) / 2;
  const mean3 = (1 / da ** 3 + 1 / db ** 3) / 2;
  const first = (square * (1 + rootPi / (w + rootPi))) / (2 * pi * w) / (mean1 + 1 / d0);
  const cubes = square * (w ** 4 + w * w * pi + pi * pi) * (1 + rootPi ** 3 / (w ** 3 + rootPi ** 3));
  const third = (cubes + 3 * w ** 4 * square) / (2 * pi ** 3 * w ** 3) / (mean3 + 1 / d0 ** 3);
  const dx = (-2 * e) / (rootPi * (da + db));
  const dx3 = dx * (1 / (1 + 2 * qa) + 1 / rootPi + 1 / (1 + 2 * qb));
  const cubic =
    delta / d ** 3 +
    qm * (third + (det * (d * d + d * d0 + w)) / ((d + d0) * d ** 3 * d0 ** 3)) +
    (e / 4) * dx3;
  const mixed =
    2 * (qm + small) * (first + det / (d0 * d * (d + d0))) +
    (e / 2) * dx -
    square / (2 * d) +
    (2 * delta * (1 + qm)) / d;
  return (halfErfAngle(pair) + cubic + mixed / product) / TWO_PI;
}

function derivative(pair: Pair): number {
  const k = covariance(pair);
  const d = Math.sqrt(1 + 2 * meanVariance(pair) + determinant(pair));
  const product = (1 + pair.qa) * (1 + pair.qb);
  const slope = k / d ** 3 + (2 * k * (1 + meanVariance(pair))) / (product * d);
  return 1 / 4 + (Math.atan2(k, d) + slope) / TWO_PI;
}

export const geluDual: Dual = {
  variance(q) {
    const { d, f } = perVariance(q);
    const arc = Math.atan2(q, d);
    return {
      value: q / 4 + (q * arc + (2 * q * f) / d) / TWO_PI,
      derivative: 1 / 4 + (arc + q / d ** 3 + (2 * f) / d) / TWO_PI,
    };
  },

  deviation(q, qa, r) {
    const [a, b] = [perVariance(qa), perVariance(q)];
    const arcs = arcDifference(qa, q, r);
    const df = r / ((1 + q) * (1 + qa));
    const dg = (2 * r * ((q + qa) / 2 + q * qa)) / ((1 + 2 * qa) * (1 + 2 * q) * (a.g + b.g));
    // 2 q f / D = 2 f^2 g
    const mixed = df * (a.f + b.f) * (a.g + b.g) + (a.f * a.f + b.f * b.f) * dg;
    const [x, y] = [1 / a.d, 1 / b.d];
    const dx = (-2 * r) / (a.d * b.d * (a.d + b.d));
    const dx3 = dx * (x * x + x * y + y * y);
    return {
      value: r / 4 + (r * Math.atan2(qa, a.d) + q * arcs + mixed) / TWO_PI,
      derivative: (arcs + (dx - dx3) / 2 + df * (x + y) + (a.f + b.f) * dx) / TWO_PI,
    };
  },

  pair: (pair) => ({
    complement: complement(pair),
    derivative: derivative(pair),
    derivativeComplement: derivativeComplement(pair),
  }),

  distance(pair, _reference, by) {
    const k: Differenced = { at: covariance(pair), more: by.k };
    const [qa, qb]: Differenced[] = [
      { at: pair.qa, more: by.qa },
      { at: pair.qb, more: by.qb },
    ] as const;
    const product = times(shifted(qa, 1), shifted(qb, 1));
    const small = times(qa, qb);
    const k2 = times(k, k);
    const square = plus(product, scaled(k2, -1));
    const d = root(square);
    const arc = arcTangent(k, d);
    const scale = times(product, d);
    const mixed = over(plus(k2, times(small, square)), scale);
    const slope = plus(
      over(k, times(square, d)),
      plus(over(times(k, shifted(scaled(small, -1), 1)), scale), over(k, d)),
    );
    return {
      value: by.k / 4 + (times(k, arc).more + mixed.more) / TWO_PI,
      derivative: (arc.more + slope.more) / TWO_PI,
    };
  },
};
