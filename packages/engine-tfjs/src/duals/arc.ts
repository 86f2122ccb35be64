/**
 * What erf and gelu share. With s (1 + s) = q, kap = 1 + s_a + s_b, sig = s_a + s_b + 2 s_a s_b and
 * mu = 2 delta - (s_a - s_b)^2: 2k = sig - mu, V^2 = (1 + 2q_a)(1 + 2q_b) - 4k^2 = kap^2 + mu (2 sig - mu), and half the
 * angle psi between (V, 2k) and (kap, sig) has tan(psi/2) = mu / (V + kap).
 */
import type { Algebra, Tensor } from '../algebra.js';
import { atanOfRatio } from '../elementary.js';

export interface Arc {
  kap: Tensor;
  sig: Tensor;
  mu: Tensor;
  /** V */
  root: Tensor;
  /** V - kap */
  rise: Tensor;
  /** psi / 2 */
  angle: Tensor;
}

/** @param doubled 2 delta for erf, delta for gelu, whose arc is erf's at half the variances */
export function arcOf(o: Algebra, doubled: Tensor, square: Tensor, sa: Tensor, sb: Tensor): Arc {
  const mu = o.max(o.sub(doubled, square), 0);
  const sum = o.add(sa, sb);
  const kap = o.add(sum, 1);
  const sig = o.mulAdd(o.mul(sa, sb), 2, sum);
  const rest = o.sub(o.mul(sig, 2), mu);
  const root = o.sqrt(o.mulAdd(mu, rest, o.square(kap)));
  const base = o.add(root, kap);
  return { kap, sig, mu, root, rise: o.mul(o.div(mu, base), rest), angle: atanOfRatio(o, mu, base).angle };
}

/** s with s (1 + s) = q, given sqrt(1 + 4q). */
export const sideOf = (q: number, root: number): number => (2 * q) / (root + 1);
