/** sin, rbf and identity from the reference's pair: T is a sum of exponentials, each its reference's times exp of a difference. */
import { tensor } from '../algebra.js';
import { Exponential } from '../elementary.js';
import type { MakeDifferenceDual } from './difference-dual.js';

export const identityDifference: MakeDifferenceDual = (o, scale) => {
  const slope = o.keep(() => tensor([scale], [1, 1, 1, 1], 'float32'));
  return {
    parameters: 0,
    references: 0,
    describe: () => {},
    describeReference: () => {},
    pair: (d) => ({ difference: o.mul(d, scale), slope, slopeDifference: null }),
  };
};

/** In the terms of sin.ts: exp(-x) and E. Of an image b^2 r / 2; of the reference (a^2/2) exp(-x), (a^2/2) cos 2c E. */
export function sinDifference(a: number, b: number, c: number): MakeDifferenceDual {
  return (o, scale) => {
    const exponential = new Exponential(o);
    const b2 = b * b;
    const half = (scale * a * a) / 2;
    return {
      parameters: 1,
      references: 2,
      describe: (_reference, _q, r, write) => write(0, (b2 * r) / 2),
      describeReference(delta, qa, qb, write) {
        write(0, half * Math.exp(-b2 * delta));
        write(1, half * Math.cos(2 * c) * Math.exp(b2 * (delta - qa - qb)));
      },
      pair(d, first, second, ref) {
        const [x, y] = [o.mul(d, b2), o.add(first(0), second(0))];
        const near = exponential.of(o.sub(0, o.add(x, y)));
        const far = exponential.of(o.sub(x, y));
        const nearFall = o.mul(o.sub(0, ref(0)), near.minusOne);
        const farFall = o.mul(o.sub(0, ref(1)), far.minusOne);
        return {
          difference: o.sub(nearFall, farFall),
          slope: o.mul(o.mulAdd(ref(0), near.value, o.mul(ref(1), far.value)), b2),
          slopeDifference: o.mul(o.add(nearFall, farFall), b2),
        };
      },
    };
  };
}

/** T = exp(-2 gamma delta). Of an image gamma r; of the reference T. */
export function rbfDifference(gamma: number): MakeDifferenceDual {
  return (o, scale) => {
    const exponential = new Exponential(o);
    return {
      parameters: 1,
      references: 1,
      describe: (_reference, _q, r, write) => write(0, gamma * r),
      describeReference: (delta, _qa, _qb, write) => write(0, scale * Math.exp(-2 * gamma * delta)),
      pair(d, first, second, ref) {
        const grown = o.mulAdd(d, 2 * gamma, o.add(first(0), second(0)));
        const { value, minusOne } = exponential.of(o.sub(0, grown));
        const difference = o.mul(o.sub(0, ref(0)), minusOne);
        return {
          difference,
          slope: o.mul(o.mul(ref(0), value), 2 * gamma),
          slopeDifference: o.mul(difference, 2 * gamma),
        };
      },
    };
  };
}
