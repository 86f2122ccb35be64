/**
 * Arc tangent, arc sine and exponential in float32 from correctly rounded operations: minimax polynomials (those of
 * engine-native/native/elementary.h), since the backends' own functions differ in accuracy and, on some, between the
 * vectorised part of a tensor and its remainder.
 */
import { type Algebra, type Operand, type Tensor, tensor } from './algebra.js';

/** (atan(sqrt z) / sqrt z - 1) / z for z in [0, tan^2(pi/6)]: relative error of atan 1.6e-9. */
const atanPolynomial = [
  -0.333333044981, 0.199982659623, -0.142506051387, 0.107775941298, -0.0742178965249, 0.0315373675955,
];
/** (asin(sqrt z) / sqrt z - 1) / z for z in [0, 1/2]: relative error of asin 2.3e-9. */
const asinPolynomial = [
  0.16666623127, 0.0750268275405, 0.0440817761676, 0.0359913409051, -0.00805860805652, 0.110332642966,
  -0.139972076236, 0.126116999896,
];
/** (sin t - t cos t) / (2 z sqrt z), z = sin^2(t/2) in [0, 1/2]: relative error 1.9e-9. */
const segmentPolynomial = [
  1.33333333091, 0.133333923978, 0.0428336629272, 0.0201938807361, 0.00848737802777, 0.0166986722487,
  -0.0150407809043, 0.0209067068147,
];
/** (exp(f) - 1 - f) / f^2 for |f| <= ln(2)/2: relative error of expm1 3.7e-10. */
const expPolynomial = [
  0.5000000003722405, 0.1666666630585114, 0.04166647186059755, 0.00833341674134978, 0.0013933922944480276,
  0.00019826226907668245,
];

function horner(o: Algebra, z: Tensor, coefficients: readonly number[]): Tensor {
  const [last, ...rest] = [...coefficients].reverse() as [number, ...number[]];
  let sum: Operand = last;
  for (const c of rest) sum = o.mulAdd(sum, z, c);
  return sum as Tensor;
}

const tan30 = 1 / Math.sqrt(3);

/** t (1 + z p(z)) - t = t z p(z): what atan t exceeds t by, for |t| <= tan(pi/6). */
export const atanBend = (o: Algebra, t: Tensor): Tensor => {
  const z = o.square(t);
  return o.mul(o.mul(t, z), horner(o, z, atanPolynomial));
};

/** atan(y / x) in [0, pi/2] for y >= 0, x > 0, and y / x; beyond pi/6 the angle is turned by pi/3. */
export function atanOfRatio(o: Algebra, y: Tensor, x: Tensor): { angle: Tensor; beyond: Tensor } {
  const beyond = o.greater(y, o.mul(x, tan30));
  const turn = o.mul(beyond, Math.sqrt(3));
  const t = o.div(o.sub(y, o.mul(turn, x)), o.mulAdd(turn, y, x));
  return { angle: o.mulAdd(beyond, Math.PI / 3, o.add(t, atanBend(o, t))), beyond };
}

/** atan(y / x) for x > 0 and any sign of y. */
export function signedAtan(o: Algebra, y: Tensor, x: Tensor): Tensor {
  const sign = o.sub(o.mul(o.greater(y, 0), 2), 1);
  return o.mul(sign, atanOfRatio(o, o.abs(y), x).angle);
}

/** For z = sin^2(t/2) in [0, 1]: the angle t in [0, pi] and sin t - t cos t, both to small relative error near 0. */
export function angleOf(o: Algebra, z: Tensor): { angle: Tensor; segment: Tensor } {
  const beyond = o.greater(z, 0.5);
  const turned = o.min(z, o.max(o.sub(1, z), 0));
  const twice = o.mul(o.sqrt(turned), 2);
  const within = o.mulAdd(o.mul(twice, turned), horner(o, turned, asinPolynomial), twice);
  const ratio = o.mul(twice, horner(o, turned, segmentPolynomial));
  const flip = o.sub(1, o.mul(beyond, 2));
  return {
    angle: o.mulAdd(within, flip, o.mul(beyond, Math.PI)),
    segment: o.mulAdd(o.mul(beyond, Math.PI), o.sub(o.mul(z, 2), 1), o.mul(turned, ratio)),
  };
}

const log2e = Math.LOG2E;
/** ln 2 in two parts, the first with 9 trailing zeros: its product with a whole number is exact. */
const [ln2High, ln2Low] = [6.93145752e-1, 1.42860677e-6];
/** The range whose powers of two are normal numbers: beyond it results stay where they are there. */
const [lowest, highest] = [-87, 88];
const smallestPower = -126;

/** exp x and exp x - 1, each to small relative error: 2^n (1 + p) with p = expm1(x - n ln 2), 2^n from a table. */
export class Exponential {
  readonly #o: Algebra;
  readonly #powers: Tensor;

  constructor(o: Algebra) {
    this.#o = o;
    const powers = Float32Array.from({ length: 254 }, (_, i) => 2 ** (i + smallestPower));
    this.#powers = o.keep(() => tensor(powers, [powers.length], 'float32'));
  }

  of(x: Tensor): { value: Tensor; minusOne: Tensor } {
    const o = this.#o;
    const t = o.min(o.max(x, lowest), highest);
    const n = o.floor(o.mulAdd(t, log2e, 0.5));
    const f = o.sub(o.sub(t, o.mul(n, ln2High)), o.mul(n, ln2Low));
    const p = o.mulAdd(o.square(f), horner(o, f, expPolynomial), f);
    const scale = o.lookUp(this.#powers, o.sub(n, smallestPower));
    const grown = o.mul(scale, p);
    return { value: o.add(grown, scale), minusOne: o.add(grown, o.sub(scale, 1)) };
  }
}
