/**
 * A root of a continuous function within a bracket: each round takes a secant step and, where that fails to halve
 * the bracket, a bisection. Ends at an exact zero or where the bracket is as narrow as the numbers allow.
 *
 * @param low, high  ends where `f` has opposite signs, or is zero
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  if (fa === 0) return a;
  if (fb === 0) return b;
  for (let iteration = 0; iteration < 200; iteration++) {
    const width = b - a;
    if (Math.abs(width) <= 4e-16 * Math.max(Math.abs(a), Math.abs(b))) break;
    const secant = b - (fb * (b - a)) / (fb - fa);
    for (const x of [secant, a + (b - a) / 2]) {
      if (!(x > Math.min(a, b) && x < Math.max(a, b))) continue;
      const fx = f(x);
      if (fx === 0) return x;
      if (fx > 0 === fa > 0) [a, fa] = [x, fx];
      else [b, fb] = [x, fx];
      if (Math.abs(b - a) <= Math.abs(width) / 2) break;
    }
    if (b - a === width) break;
  }
  return Math.abs(fa) < Math.abs(fb) ? a : b;
}
