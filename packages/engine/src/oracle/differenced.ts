/**
 * Numbers that know how far they are from a reference's: {at, more} stands for `at` at a pair and at + more at the
 * reference, where `more` is carried through every operation instead of being found by subtraction.
 */
export interface Differenced {
  at: number;
  more: number;
}

export const plus = (x: Differenced, y: Differenced): Differenced => ({
  at: x.at + y.at,
  more: x.more + y.more,
});

export const shifted = (x: Differenced, by: number): Differenced => ({ at: x.at + by, more: x.more });

export const scaled = (x: Differenced, by: number): Differenced => ({ at: x.at * by, more: x.more * by });

export const times = (x: Differenced, y: Differenced): Differenced => ({
  at: x.at * y.at,
  more: x.more * (y.at + y.more) + x.at * y.more,
});

/** x / y */
export function over(x: Differenced, y: Differenced): Differenced {
  const at = x.at / y.at;
  return { at, more: (x.more - at * y.more) / (y.at + y.more) };
}

/** Of a positive number. */
export function root(x: Differenced): Differenced {
  const at = Math.sqrt(x.at);
  return { at, more: x.more / (Math.sqrt(x.at + x.more) + at) };
}

/** atan2(y, x) for positive x. */
export function arcTangent(y: Differenced, x: Differenced): Differenced {
  const [yRef, xRef] = [y.at + y.more, x.at + x.more];
  const sine = y.more * x.at - y.at * x.more;
  return { at: Math.atan2(y.at, x.at), more: Math.atan2(sine, x.at * xRef + y.at * yRef) };
}
