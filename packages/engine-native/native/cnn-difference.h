// Dual activations as differences from a reference, on vectors. Under zero padding the covariances of two different
// pixels differ even for equal images, by as much for every pair of images: the complement has a floor that hides what
// tells the images apart. Pooled networks therefore carry, where p and p' differ,
//   D = K_ref(p, p') - K_ab(p, p'), and the same of Theta,
// K_ref being the plane that constant images of the reference variance would have. q_1 = q_ref(p) + r_1 and
// q_2 = q_ref(p') + r_2 are the images' variances there. With small error relative to D, r_1 and r_2, every activation has
//   parameters, image(network, reference, deviation, store)
//                    the numbers of an image's pixel; doubles only
//   references, reference(network, scale, delta, qa, qb, store)
//                    the numbers of a pixel pair of the reference, delta = (qa + qb)/2 - K_ref; doubles only. That of relu
//                    and its kin takes the pair's angle instead
//   pair(D, a, b, r, difference, slope, slopeDifference)
//                    scale (T_ref - T), scale T', scale (T'_ref - T')
// docs/performance.md derives the forms used here.
#pragma once
#include "activations.h"

namespace TESSERA_ISA {

template <class S> struct IdentityDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 0, references = 0;
  V scale;
  IdentityDifference(const Network&, double s) : scale(S::all(Real(s))) {}
  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A, B, R, V& difference, V& slope, V& slopeDifference) const {
    difference = scale * d;
    slope = scale;
    slopeDifference = V{};
  }
  template <class Store> static TESSERA_INLINE void image(const Network&, V, V, Store) {}
  template <class Store> static TESSERA_INLINE void reference(const Network&, double, V, V, V, Store) {}
};

/**
 * In the terms of Abrelu, g = u_1 u_2, v = 1 - cos theta, J = sin theta - theta cos theta, x = (theta - theta_ref)/2:
 *   g (v - v_ref) = D + (1 - v_ref)(g - g_ref) =: n, tan x = (v - v_ref) / (sin theta + sin theta_ref) =: t,
 *   g J - g_ref J_ref = J_ref (g - g_ref) + n (theta_ref + x) + g (2 - v - v_ref)(t - x),
 *   T_ref - T = c D - kappa (g J - g_ref J_ref), T'_ref - T' = 2 kappa x.
 * Where |t| is large nothing cancels and the angles are taken from z = v / 2 as in Abrelu.
 * Of an image: u, its deviation, 1/u (0 for u = 0). Of the reference: v, theta, sin theta, J.
 */
template <class S> struct AbreluDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 3, references = 4;
  V mean, kappa;
  AbreluDifference(const Network& n, double s)
      : mean(S::all(Real(s * (n.a * n.a + n.b * n.b) / 2))), kappa(S::all(Real(s * (n.a - n.b) * (n.a - n.b) / (2 * PI)))) {}

  /** theta and J for z = sin^2(theta/2) in [0, 1]. */
  static TESSERA_INLINE void angleOf(V z, V& theta, V& j) {
    V half = S::all(Real(0.5)), ratio;
    V turned = S::pickLess(half, z, S::notNegative(Real(1) - z), z);
    Abrelu<S>::segment(Real(), turned, S::sqrt(turned), theta, ratio);
    j = turned * ratio;
    j = S::pickLess(half, z, S::fma(S::all(Real(PI)), z + z - Real(1), j), j);
    theta = S::pickLess(half, z, S::all(Real(PI)) - theta, theta);
  }

  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A a, B b, R r, V& difference, V& slope, V& slopeDifference) const {
    const Real small = sizeof(Real) == 8 ? Real(1e-14) : Real(4e-6);
    V ua = a(0), ub = b(0), riseA = a(1), riseB = b(1), vRef = r(0), thetaRef = r(1);
    V g = ua * ub, rise = S::fma(riseA, ub, riseB * (ua - riseA));
    V n = S::fma(S::all(1) - vRef, rise, d);
    // Where the references of p and p' are the same and so are the pixels, the angle is 0: rounding alone would make
    // it the root of its own size.
    V noise = S::pickLess(V{}, vRef, V{}, Real(small) * (g + S::abs(rise)));
    n = S::pickLess(S::abs(n), noise, V{}, n);
    V step = n * (a(2) * b(2));
    V v = S::notNegative(vRef + step);
    V rest = S::notNegative(Real(2) - v);
    V t = step / (S::sqrt(v * rest) + r(2)), wide = S::all(Real(TAN_30)), clipped = t;
    const bool anyWide = S::anyLess(wide, S::abs(t));
    if (__builtin_expect(anyWide, 0)) clipped = S::pickLess(S::abs(t), wide, t, V{});
    V square = clipped * clipped;
    V bend = clipped * square * polynomial<S, AtanPolynomial<Real>>(square);
    V x = clipped + bend;
    V turn = x + x;
    V grown = S::fma(n, thetaRef + x, -(g * (rest - vRef)) * bend);
    if (__builtin_expect(anyWide, 0)) {
      V theta, j;
      angleOf(S::pickLess(S::all(1), v * Real(0.5), S::all(1), v * Real(0.5)), theta, j);
      turn = S::pickLess(S::abs(t), wide, turn, theta - thetaRef);
      grown = S::pickLess(S::abs(t), wide, grown, g * (j - r(3)));
    }
    difference = S::fma(mean, d, -(kappa * S::fma(r(3), rise, grown)));
    slope = S::fma(-kappa, thetaRef + turn, mean);
    slopeDifference = kappa * turn;
  }
  template <class Store> static TESSERA_INLINE void image(const Network&, V reference, V deviation, Store store) {
    V q = wholeOf<S>(reference, deviation), root = S::sqrt(q);
    store(0, root);
    store(1, S::pickLess(V{}, q, deviation / (root + S::sqrt(reference)), -S::sqrt(reference)));
    store(2, S::pickLess(V{}, q, Real(1) / root, V{}));
  }
  /** From what the reference's own recursion has computed; `least` keeps divisors from being 0. */
  template <class Store> static TESSERA_INLINE void reference(const typename Abrelu<S>::Angle& angle, double least, Store store) {
    V v = angle.z + angle.z;
    store(0, v);
    store(1, angle.theta);
    store(2, S::sqrt(v * S::notNegative(Real(2) - v)) + Real(least));
    store(3, angle.lost * (angle.scaled + angle.scaled));
  }
};

/**
 * What erf and gelu share, with A = 1 + m q, P = A_1 A_2, V^2 = P - c^2 k^2 (erf: m = 2, c = 2; gelu: 1, 1) and
 * sin alpha = c k / sqrt P: tan((alpha_ref - alpha)/2) = N / (sqrt(P P_ref) + V V_ref + c^2 k k_ref),
 * N = c (k_ref V - k V_ref) = c [k_ref^2 (P - P_ref) + P_ref D (k + k_ref)] / (k_ref V + k V_ref).
 * Of an image: A, r, sqrt A. Of the reference: k, V, sqrt P.
 */
template <class S> struct ArcDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 3, references = 3;
  /** V is `root`, V^2 - V_ref^2 `lift`, (alpha_ref - alpha) / 2 `angle`. */
  V k, root, lift, angle;
  template <int M, int C, class A, class B, class R> static TESSERA_INLINE ArcDifference of(V d, A a, B b, R r) {
    ArcDifference arc;
    V kRef = r(0), rootRef = r(1), aa = a(0), ab = b(0), ra = a(1), rb = b(1);
    V rise = Real(M) * S::fma(ra, ab, rb * (aa - Real(M) * ra));
    V k = arc.k = kRef - d, fall = d * (k + kRef), c2 = S::all(Real(C * C));
    arc.lift = S::fma(c2, fall, rise);
    arc.root = S::sqrt(S::fma(rootRef, rootRef, arc.lift));
    V sides = r(2), pRef = sides * sides;
    V same = kRef * arc.root, other = k * rootRef, sum = same + other;
    V stable = S::fma(kRef * kRef, rise, pRef * fall);
    V positive = S::pickLess(V{}, k, stable, same - other);
    V divisor = S::pickLess(V{}, k, sum, S::all(1));
    V base = S::fma(a(2) * b(2), sides, S::fma(c2 * k, kRef, arc.root * rootRef));
    arc.angle = signedAtan<S>(Real(C) * positive, divisor * base);
    return arc;
  }
  template <int M, class Store> static TESSERA_INLINE void image(V reference, V deviation, Store store) {
    V a = S::fma(wholeOf<S>(reference, deviation), S::all(M), S::all(1));
    store(0, a);
    store(1, deviation);
    store(2, S::sqrt(a));
  }
  template <int M, int C, class Store> static TESSERA_INLINE void reference(V delta, V qa, V qb, Store store) {
    V mean = (qa + qb) * Real(0.5), k = mean - delta, apart = qa - qb;
    // P - c^2 k^2 = 1 + m (qa + qb) + m^2 qa qb - c^2 k^2, m = c, and qa qb - k^2 = delta (mean + k) - apart^2 / 4.
    V gap = S::fma(delta, mean + k, apart * apart * Real(-0.25));
    store(0, k);
    store(1, S::sqrt(S::fma(gap, S::all(Real(C * C)), S::fma(mean, S::all(Real(2 * M)), S::all(1)))));
    store(2, S::sqrt(S::fma(qa, S::all(M), S::all(1)) * S::fma(qb, S::all(M), S::all(1))));
  }
};

/** T = (2/pi) alpha, T' = (4/pi) / V in the terms of ArcDifference. */
template <class S> struct ErfDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  typedef ArcDifference<S> Arc;
  static const int parameters = Arc::parameters, references = Arc::references;
  V factor;
  ErfDifference(const Network&, double s) : factor(S::all(Real(s * 4 / PI))) {}
  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A a, B b, R r, V& difference, V& slope, V& slopeDifference) const {
    Arc arc = Arc::template of<2, 2>(d, a, b, r);
    V rootRef = r(1), sum = arc.root + rootRef;
    V inverse = factor / ((arc.root * rootRef) * sum);
    difference = factor * arc.angle;
    slope = inverse * (rootRef * sum);
    slopeDifference = inverse * arc.lift;
  }
  template <class Store> static TESSERA_INLINE void image(const Network&, V reference, V deviation, Store store) {
    Arc::template image<2>(reference, deviation, store);
  }
  template <class Store> static TESSERA_INLINE void reference(const Network&, double, V delta, V qa, V qb, Store store) {
    Arc::template reference<2, 2>(delta, qa, qb, store);
  }
};

/**
 * T = k/4 + [k alpha + 1/V - y V] / (2 pi), T' = 1/4 + [alpha + (k/V)(1/V^2 + y + 1)] / (2 pi),
 * y = (1 - q_1 q_2)/P = (1/(1+q_1) - 1/2) + (1/(1+q_2) - 1/2). Where chi_q > chi_1, r decays slower than what tells images
 * apart, and with it the accuracy.
 * Of an image beside the arc's: its part of y, and what the reference's exceeds it by. Of the reference: alpha.
 */
template <class S> struct GeluDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  typedef ArcDifference<S> Arc;
  static const int parameters = Arc::parameters + 2, references = Arc::references + 1;
  V quarter, factor;
  GeluDifference(const Network&, double s) : quarter(S::all(Real(s / 4))), factor(S::all(Real(s / (2 * PI)))) {}
  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A a, B b, R r, V& difference, V& slope, V& slopeDifference) const {
    Arc arc = Arc::template of<1, 1>(d, a, b, r);
    V rootRef = r(1), alphaRef = r(3), sum = arc.root + rootRef, both = arc.root * rootRef;
    V common = Real(1) / (both * sum), inverse = common * (rootRef * sum), inverseRef = common * (arc.root * sum);
    V psi = arc.angle + arc.angle, y = a(3) + b(3), yFall = a(4) + b(4);
    V inverseFall = arc.lift * common, rootFall = -(inverseFall * both);
    V body = S::fma(d, alphaRef, arc.k * psi) + inverseFall - S::fma(yFall, rootRef, y * rootFall);
    difference = S::fma(factor, body, quarter * d);
    V ratio = arc.k * inverse, ratioFall = S::fma(d, inverseRef, arc.k * inverseFall);
    V inner = S::fma(inverse, inverse, y + Real(1)), innerRef = S::fma(inverseRef, inverseRef, y + yFall + Real(1));
    V innerFall = S::fma(inverseFall, inverse + inverseRef, yFall);
    slope = S::fma(factor, S::fma(ratio, inner, alphaRef - psi), quarter);
    slopeDifference = factor * S::fma(ratioFall, innerRef, S::fma(ratio, innerFall, psi));
  }
  template <class Store> static TESSERA_INLINE void image(const Network&, V reference, V deviation, Store store) {
    Arc::template image<1>(reference, deviation, store);
    V up = Real(1) / (wholeOf<S>(reference, deviation) + Real(1)), upRef = Real(1) / (reference + Real(1));
    store(3, up - Real(0.5));
    store(4, deviation * up * upRef);
  }
  template <class Store> static TESSERA_INLINE void reference(const Network&, double, V delta, V qa, V qb, Store store) {
    V k{}, root{};
    Arc::template reference<1, 1>(delta, qa, qb, [&](int p, V v) {
      if (p == 0) k = v;
      if (p == 1) root = v;
      store(p, v);
    });
    store(3, signedAtan<S>(k, root));
  }
};

/**
 * In the terms of Sin: exp(-x) and E, each times -expm1 of what its exponent exceeds the reference's by.
 * Of an image: b^2 r / 2. Of the reference: scale * (a^2/2) exp(-x), scale * (a^2/2) cos(2c) E.
 */
template <class S> struct SinDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1, references = 2;
  V square;
  SinDifference(const Network& n, double) : square(S::all(Real(n.b * n.b))) {}
  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A a, B b, R r, V& difference, V& slope, V& slopeDifference) const {
    V x = square * d, y = a(0) + b(0), near, far, minusNear, minusFar;
    expAndExpm1<S>(-(x + y), near, minusNear);
    expAndExpm1<S>(x - y, far, minusFar);
    V nearFall = -(r(0) * minusNear), farFall = -(r(1) * minusFar);
    difference = nearFall - farFall;
    slope = square * S::fma(r(0), near, r(1) * far);
    slopeDifference = square * (nearFall + farFall);
  }
  template <class Store> static TESSERA_INLINE void image(const Network& n, V, V deviation, Store store) { store(0, deviation * Real(n.b * n.b * 0.5)); }
  template <class Store> static TESSERA_INLINE void reference(const Network& n, double scale, V delta, V qa, V qb, Store store) {
    V x = delta * Real(n.b * n.b), near, far, ignored;
    expAndExpm1<S>(-x, near, ignored);
    expAndExpm1<S>(x - (qa + qb) * Real(n.b * n.b), far, ignored);
    const Real half = Real(scale * n.a * n.a * 0.5);
    store(0, half * near);
    store(1, Real(half * (1 - 2 * n.c)) * far);
  }
};

/** T = exp(-2 gamma delta). Of an image: gamma r. Of the reference: scale * T. */
template <class S> struct RbfDifference {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1, references = 1;
  V twice;
  RbfDifference(const Network& n, double) : twice(S::all(Real(2 * n.a))) {}
  template <class A, class B, class R> TESSERA_INLINE void pair(V d, A a, B b, R r, V& difference, V& slope, V& slopeDifference) const {
    V exponential, minusOne;
    expAndExpm1<S>(-S::fma(twice, d, a(0) + b(0)), exponential, minusOne);
    difference = -(r(0) * minusOne);
    slope = twice * (r(0) * exponential);
    slopeDifference = twice * difference;
  }
  template <class Store> static TESSERA_INLINE void image(const Network& n, V, V deviation, Store store) { store(0, deviation * Real(n.a)); }
  template <class Store> static TESSERA_INLINE void reference(const Network& n, double scale, V delta, V, V, Store store) {
    V exponential, minusOne;
    expAndExpm1<S>(delta * Real(-2 * n.a), exponential, minusOne);
    store(0, exponential * Real(scale));
  }
};

/** The differenced form of an activation. */
template <template <class> class ActivationOf> struct DifferenceOf;
template <> struct DifferenceOf<Identity> {
  template <class S> using Of = IdentityDifference<S>;
};
template <> struct DifferenceOf<Abrelu> {
  template <class S> using Of = AbreluDifference<S>;
};
template <> struct DifferenceOf<Erf> {
  template <class S> using Of = ErfDifference<S>;
};
template <> struct DifferenceOf<Gelu> {
  template <class S> using Of = GeluDifference<S>;
};
template <> struct DifferenceOf<Sin> {
  template <class S> using Of = SinDifference<S>;
};
template <> struct DifferenceOf<Rbf> {
  template <class S> using Of = RbfDifference<S>;
};

}  // namespace TESSERA_ISA
