// Dual activations in complement form, on vectors. Of a pair of images a, b with variances q_a, q_b and
// delta = (q_a + q_b)/2 - K_ab, the recursion wants
//   delta_T = (T_aa + T_bb)/2 - T_ab,   T'_ab,   D' = (T'_aa + T'_bb)/2 - T'_ab,
// each with small relative error however small delta is: nothing here subtracts numbers of like size that carry rounding
// errors. What depends on one image alone (its parameters) is computed once per image and layer, in double precision.
// The variance of an image is kept as reference + deviation, and a parameter whose difference between two images matters
// is kept as its own deviation from the reference's, so that the difference of two deviations is right to rounding.
//
// Every activation has
//   parameters          how many numbers an image hands to its pairs
//   levelSlopes         true where T'_aa does not depend on the variance
//   longChain           true where a pair is roots, divisions and a polynomial one after the other (fcn.h, WidePairs)
//   pair<Level>(delta, a, b, complement, slope, slopeComplement)
//                       scale * delta_T, scale * T'_ab, scale * D'; a(p), b(p) give the images' parameters. Level promises
//                       that both images have one variance, bit for bit: the same bits for less work. Swapping the images
//                       changes no bit.
//   image(reference, deviation, store)
//                       T and T' of an image with itself, see ImageDual; store(p, v) takes its parameters. Doubles only,
//                       whatever the precision of the pairs.
// test/conformance.test.ts holds them against the oracle and against references in 50 and more digits.
#pragma once
#include "elementary.h"
#include "task.h"

namespace TESSERA_ISA {

const double PI = 3.14159265358979323846;

/** scale * T(ref), scale * T'(ref), and what scale * T and scale * T' of the image exceed them by. */
template <class V> struct ImageDual {
  V value, slope, valueDeviation, slopeDeviation;
};

/** An image's variance; that of an image of zeros is 0 only up to rounding of its two parts. */
template <class S> TESSERA_INLINE typename S::V wholeOf(typename S::V reference, typename S::V deviation) { return S::notNegative(reference + deviation); }

template <class S> struct Identity {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 0;
  static const bool levelSlopes = true;
  static const bool longChain = false;
  V scale;
  Identity(const Network&, double s) : scale(S::all(Real(s))) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A, B, V& complement, V& slope, V& slopeComplement) const {
    complement = scale * delta;
    slope = scale;
    slopeComplement = V{};
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store) const {
    return {scale * reference, scale, scale * deviation, V{}};
  }
};

/**
 * a min(x, 0) + b max(x, 0): relu, leaky relu, abs. With u = sqrt q, theta the angle between the images and
 * z = sin^2(theta/2) = gamma / (2 u_a u_b), gamma = delta - (u_a - u_b)^2 / 2:
 *   delta_T = c delta - kappa u_a u_b J,  T' = c - kappa theta,  D' = kappa theta,  J = sin theta - theta cos theta.
 * Parameters: the deviation of u and 1 / (sqrt 2 u), 0 for u = 0.
 */
template <class S> struct Abrelu {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 2;
  static const bool levelSlopes = true;
  static const bool longChain = false;
  V mean, kappa;
  Abrelu(const Network& n, double s)
      : mean(S::all(Real(s * (n.a * n.a + n.b * n.b) / 2))), kappa(S::all(Real(s * (n.a - n.b) * (n.a - n.b) / (2 * PI)))) {}

  /** theta and J / z for z <= 1/2, y = sqrt z. */
  static TESSERA_INLINE void segment(S, V z, V y, V& theta, V& ratio) { segment(Real(), z, y, theta, ratio); }
  static TESSERA_INLINE void segment(double, V z, V y, V& theta, V& ratio) {
    if (slowDivider) return bothPolynomials(z, y, theta, ratio);
    // With p = (theta / (2 y) - 1) / z: J / (2 y z) = 2 - 1 / (1 + sqrt(1-z)) - (1 - 2z) p, without cancellation.
    V inverse = Real(1) / (S::sqrt(Real(1) - z) + Real(1));
    V p = polynomial<S, WideAsinPolynomial<double>>(z), twice = y + y;
    theta = S::fma(twice * z, p, twice);
    ratio = twice * S::fma(S::fma(z, S::all(2), S::all(-1)), p, Real(2) - inverse);
  }
  static TESSERA_INLINE void segment(float, V z, V y, V& theta, V& ratio) { bothPolynomials(z, y, theta, ratio); }
  static TESSERA_INLINE void bothPolynomials(V z, V y, V& theta, V& ratio) {
    V twice = y + y;
    theta = S::fma(twice * z, polynomial<S, WideAsinPolynomial<Real>>(z), twice);
    ratio = twice * polynomial<S, SegmentPolynomial<Real>>(z);
  }

  /** 1 / (2 u_a u_b), z, theta and u_a u_b J of a pair. */
  struct Angle {
    V scaled, z, theta, lost;
  };
  template <bool Level, class A, class B> static TESSERA_INLINE Angle angleOf(V delta, A a, B b) {
    V gamma = delta;
    if (!Level) {
      V difference = a(0) - b(0);
      gamma = S::notNegative(S::fma(difference * difference, S::all(Real(-0.5)), delta));
    }
    V scaled = a(1) * b(1), half = S::all(Real(0.5));
    V z = gamma * scaled, theta, ratio, lost;
    if (__builtin_expect(S::anyLess(half, z), 0)) {
      // Beyond a right angle: theta' = pi - theta, J = J(theta') - pi cos theta.
      V turned = S::pickLess(half, z, S::notNegative(Real(1) - z), z);
      segment(S(), turned, S::sqrt(turned), theta, ratio);
      V product = half / scaled;
      lost = S::pickLess(half, z, product * S::fma(ratio, turned, S::all(Real(PI)) * (z + z - Real(1))), (gamma * half) * ratio);
      theta = S::pickLess(half, z, S::all(Real(PI)) - theta, theta);
    } else {
      segment(S(), z, S::sqrt(z), theta, ratio);
      lost = (gamma * half) * ratio;
    }
    return {scaled, z, theta, lost};
  }
  TESSERA_INLINE void pairOf(V delta, const Angle& angle, V& complement, V& slope, V& slopeComplement) const {
    slopeComplement = kappa * angle.theta;
    slope = mean - slopeComplement;
    complement = S::fma(mean, delta, -(kappa * angle.lost));
  }
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A a, B b, V& complement, V& slope, V& slopeComplement) const {
    pairOf(delta, angleOf<Level>(delta, a, b), complement, slope, slopeComplement);
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store store) const {
    V q = wholeOf<S>(reference, deviation), root = S::sqrt(q);
    store(0, deviation / (root + S::sqrt(reference)));
    store(1, S::pickLess(V{}, q, Real(0.70710678118654752) / root, q * Real(0)));
    return {mean * reference, mean, mean * deviation, V{}};
  }
};

/**
 * What erf and gelu share. With g = sqrt(1+4q) = 1 + 2s, q = s(1+s), d = s_a - s_b,
 *   kap = 1 + s_a + s_b, sig = s_a + s_b + 2 s_a s_b, mu = 2 delta - d^2 >= 0:
 *   2k = sig - mu,  V^2 = (1+2q_a)(1+2q_b) - 4k^2 = kap^2 + mu (2 sig - mu),
 * and psi = (alpha_a + alpha_b)/2 - alpha_ab, sin alpha_ab = 2k / sqrt((1+2q_a)(1+2q_b)), has tan(psi/2) = mu / (V + kap):
 * (V, 2k) and (kap, sig) are two vectors of one length, psi the angle between them, so their difference (V - kap, -mu) is
 * at right angles to their sum. The same gives V - kap = (2 sig - mu) tan(psi/2). One root and two divisions a pair.
 */
template <class S> struct Arc {
  typedef typename S::V V;
  typedef typename S::Real Real;
  V kap, sig, mu, root;
  /** V - kap, and psi/2. */
  V rise, angle;
  TESSERA_INLINE Arc(V sa, V sb, V mu_) : mu(mu_) {
    V sum = sa + sb;
    kap = sum + Real(1);
    sig = S::fma(sa + sa, sb, sum);
    V rest = S::fma(sig, S::all(2), -mu);
    root = S::sqrt(S::fma(kap, kap, mu * rest));
    V base = root + kap, edge = base * Real(TAN_30);
    V tangent;
    if (__builtin_expect(S::anyLess(edge, mu), 0)) {
      V above = S::pickLess(edge, mu, S::fma(S::all(Real(-ROOT_3)), base, mu), mu);
      V below = S::pickLess(edge, mu, S::fma(S::all(Real(ROOT_3)), mu, base), base);
      tangent = above / below;
      angle = S::pickLess(edge, mu, S::all(Real(THIRD_PI)), V{}) + atanCore<S>(tangent);
      rise = S::pickLess(edge, mu, root - kap, tangent * rest);
    } else {
      tangent = mu / base;
      angle = atanCore<S>(tangent);
      rise = tangent * rest;
    }
  }
};

/** s with s (1 + s) = q, given sqrt(1 + 4q). */
template <class V> TESSERA_INLINE V sideOf(V q, V root) { return (q + q) / (root + 1); }

/** atan(y / x) for x > 0 and any sign of y. */
template <class S> TESSERA_INLINE typename S::V signedAtan(typename S::V y, typename S::V x) { return S::withSign(atanOf<S>(S::abs(y), x), y); }

/**
 * erf: delta_T = (4/pi) psi/2, T' = (4/pi) / V, D' = (4/pi) (kap (V - kap) + d^2) / (g_a g_b V), in the terms of Arc.
 * Parameters: s, the deviation of s, 1 / g.
 */
template <class S> struct Erf {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 3;
  static const bool levelSlopes = false;
  static const bool longChain = true;
  V factor;
  Erf(const Network&, double s) : factor(S::all(Real(s * 4 / PI))) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A a, B b, V& complement, V& slope, V& slopeComplement) const {
    V square{};
    if (!Level) {
      V difference = a(1) - b(1);
      square = difference * difference;
    }
    Arc<S> arc(a(0), b(0), Level ? delta + delta : S::fma(delta, S::all(2), -square));
    complement = factor * arc.angle;
    slope = slowDivider ? factor * S::reciprocal(arc.root) : factor / arc.root;
    V product = a(2) * b(2);
    slopeComplement = slope * (product * (Level ? arc.kap * arc.rise : S::fma(arc.kap, arc.rise, square)));
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store store) const {
    V q = wholeOf<S>(reference, deviation), root = S::sqrt(S::fma(q, S::all(4), S::all(1))), rootRef = S::sqrt(S::fma(reference, S::all(4), S::all(1)));
    V s = sideOf(q, root), sRef = sideOf(reference, rootRef), sum = s + sRef + Real(1), difference = deviation / sum;
    V inverse = Real(1) / root, inverseRef = Real(1) / rootRef;
    store(0, s);
    store(1, difference);
    store(2, inverse);
    return {factor * atanOf<S>(sRef, sRef + Real(1)), factor * inverseRef, factor * signedAtan<S>(difference, S::fma(s + s, sRef, sum)),
            Real(-2) * factor * difference * (inverse * inverseRef)};
  }
};

/**
 * gelu, x (1 + erf(x / sqrt 2)) / 2. The arc is erf's at half the variances, g = sqrt(1+2q), alpha = asin(q / (1+q)):
 *   T  = k/4 + [k alpha_ab + 1/V - (c - 1) V] / (2 pi),  T' = 1/4 + [alpha_ab + (k/V) (1/V^2 + c)] / (2 pi),
 *   c = 1/(1+q_a) + 1/(1+q_b).
 * Parameters: s, its deviation, 1 / g, 1 / (1+q), alpha / 2, and half the deviation of alpha.
 */
template <class S> struct Gelu {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 6;
  static const bool levelSlopes = false;
  static const bool longChain = true;
  V quarter, factor;
  Gelu(const Network&, double s) : quarter(S::all(Real(s / 4))), factor(S::all(Real(s / (2 * PI)))) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A a, B b, V& complement, V& slope, V& slopeComplement) const {
    V difference{}, square{};
    if (!Level) {
      difference = a(1) - b(1);
      square = difference * difference;
    }
    Arc<S> arc(a(0), b(0), Level ? delta : delta - square);
    V kap = arc.kap, kap2 = kap * kap, psi = arc.angle + arc.angle, k = arc.sig - arc.mu;
    V inverse = S::reciprocal(arc.root), inverseKap = S::reciprocal(kap), gamma = a(2) * b(2), c = a(3) + b(3), alpha = a(4) + b(4);
    V both = inverse * inverseKap;
    V body = S::fma(k, psi, delta * alpha);
    body = S::fma(arc.rise, both + c - Real(1), body);
    if (!Level) {
      body = S::fma(kap * difference, a(5) - b(5), body);
      body = S::fma(square, S::fma(kap + kap, a(3) * b(3), gamma * inverseKap), body);
    }
    complement = S::fma(factor, body, quarter * delta);
    V inverse2 = inverse * inverse, inverseKap2 = inverseKap * inverseKap;
    V inner = S::fma(k * inverse, inverse2 + c, alpha - psi);
    slope = S::fma(factor, inner, quarter);
    // sig / kap - k / V and sig / kap^3 - k / V^3, by V = kap + rise.
    V lift = arc.sig * arc.rise;
    V outer = S::fma(c * both, S::fma(arc.mu, kap, lift), psi);
    V cubic = lift * (both * (inverse2 + both + inverseKap2));
    outer += S::fma(arc.mu * inverse, inverse2, cubic);
    if (!Level) {
      // (2 kap^2 + d^2 + (4 kap^4 + kap^2 g + g^2) / g^2) / (2 kap^3 g) with g = g_a g_b.
      V ratio = kap2 * gamma;
      V bracket = S::fma(Real(4) * ratio, ratio, ratio + Real(1)) + S::fma(kap2, S::all(2), square);
      outer = S::fma(-square * Real(0.5), (inverseKap * inverseKap2) * gamma * bracket, outer);
    }
    slopeComplement = factor * outer;
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store store) const {
    V q = wholeOf<S>(reference, deviation), g = S::sqrt(S::fma(q, S::all(2), S::all(1))), gRef = S::sqrt(S::fma(reference, S::all(2), S::all(1)));
    V s = sideOf(q * Real(0.5), g), sRef = sideOf(reference * Real(0.5), gRef), sum = s + sRef + Real(1);
    V difference = Real(0.5) * deviation / sum, sig = S::fma(s + s, sRef, s + sRef);
    V inverse = Real(1) / g, inverseRef = Real(1) / gRef, up = Real(1) / (q + Real(1)), upRef = Real(1) / (reference + Real(1));
    V alpha = Real(2) * atanOf<S>(s, s + Real(1)), alphaRef = Real(2) * atanOf<S>(sRef, sRef + Real(1));
    V turn = Real(2) * signedAtan<S>(difference, sig + Real(1)), gamma = inverse * inverseRef;
    store(0, s);
    store(1, difference);
    store(2, inverse);
    store(3, up);
    store(4, alpha * Real(0.5));
    store(5, turn * Real(0.5));
    ImageDual<V> dual;
    dual.value = S::fma(factor, reference * (alphaRef + Real(2) * reference * upRef * inverseRef), quarter * reference);
    dual.slope = S::fma(factor, S::fma(reference * inverseRef, S::fma(inverseRef, inverseRef, Real(2) * upRef), alphaRef), quarter);
    V risen = S::fma(deviation, alpha, reference * turn);
    dual.valueDeviation = S::fma(factor, S::fma(Real(4) * difference * sig, S::fma(up, upRef, gamma), risen), quarter * deviation);
    V cubes = (gamma * Real(0.5)) * S::fma(inverse, inverse, S::fma(inverseRef, inverseRef, gamma));
    V steep = S::fma(gamma, S::all(Real(1.5)), cubes) - Real(2) * sig * (up * upRef);
    dual.slopeDeviation = factor * S::fma(difference + difference, steep, turn);
    return dual;
  }
};

/**
 * a sin(b x + c): with x = b^2 delta, Q = b^2 (q_a + q_b), E = exp(x - Q), m = -expm1(-x), n = -expm1(x - Q) and
 * L = exp(-Q/2) sinh(b^2 (q_a - q_b) / 2):
 *   delta_T = (a^2/2) [m (n + 2 cos^2 c E) - 2 cos(2c) L^2],  D' = (a^2 b^2/2) [m (n + 2 sin^2 c E) + 2 cos(2c) L^2],
 *   T' = (a^2 b^2/2) (exp(-x) + cos(2c) E).
 * Parameters: b^2 q and its part l of L = l_a - l_b. `network.c` holds sin^2 c (the caller turns c into it).
 */
template <class S> struct Sin {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 2;
  static const bool levelSlopes = false;
  static const bool longChain = false;
  V square, valueScale, slopeScale, twiceSine, twiceCosine, cosine;
  Sin(const Network& n, double s)
      : square(S::all(Real(n.b * n.b))), valueScale(S::all(Real(s * n.a * n.a / 2))), slopeScale(S::all(Real(s * n.a * n.a * n.b * n.b / 2))),
        twiceSine(S::all(Real(2 * n.c))), twiceCosine(S::all(Real(2 - 2 * n.c))), cosine(S::all(Real(1 - 2 * n.c))) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A a, B b, V& complement, V& slope, V& slopeComplement) const {
    V x = square * delta, near, far, minusM, minusN, apart{};
    expAndExpm1<S>(-x, near, minusM);
    expAndExpm1<S>(x - (a(0) + b(0)), far, minusN);
    if (!Level) {
      V difference = a(1) - b(1);
      apart = (cosine + cosine) * (difference * difference);
    }
    complement = valueScale * S::fma(-minusM, S::fma(twiceCosine, far, -minusN), -apart);
    slope = slopeScale * S::fma(cosine, far, near);
    slopeComplement = slopeScale * S::fma(-minusM, S::fma(twiceSine, far, -minusN), apart);
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store store) const {
    V far, minusN, minusM, ignored, half, once;
    expAndExpm1<S>(Real(-2) * square * reference, far, minusN);
    expAndExpm1<S>(Real(-2) * square * deviation, ignored, minusM);
    expAndExpm1<S>(-square * deviation, ignored, half);
    expAndExpm1<S>(-square * reference, once, ignored);
    store(0, square * wholeOf<S>(reference, deviation));
    store(1, Real(-0.5) * once * half);
    V step = -cosine * far * minusM;
    return {valueScale * S::fma(twiceSine, far, -minusN), slopeScale * S::fma(twiceCosine, far, -minusN), valueScale * step, -slopeScale * step};
  }
};

/** sqrt 2 sin(sqrt(2 gamma) x + pi/4): T_aa = 1, delta_T = -expm1(-2 gamma delta). `network.a` is gamma. */
template <class S> struct Rbf {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 0;
  static const bool levelSlopes = true;
  static const bool longChain = false;
  V scale, twice, slopeScale;
  Rbf(const Network& n, double s) : scale(S::all(Real(s))), twice(S::all(Real(2 * n.a))), slopeScale(S::all(Real(2 * n.a * s))) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A, B, V& complement, V& slope, V& slopeComplement) const {
    V exponential, minusOne;
    expAndExpm1<S>(-(twice * delta), exponential, minusOne);
    complement = -(scale * minusOne);
    slope = slopeScale * exponential;
    slopeComplement = -(slopeScale * minusOne);
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store) const {
    return {S::fma(reference, V{}, scale), slopeScale, deviation * Real(0), V{}};
  }
};

}  // namespace TESSERA_ISA
