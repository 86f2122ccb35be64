// Dual activations on vectors. theory.md has the formulas; here each is arranged so that what depends on one image
// alone (its parameters) is computed once per image and layer, and a pair needs one root and one division at most.
//
// Every activation has
//   parameters                     how many numbers an image hands to its pairs
//   pair(k, a, b, value, slope)    scale * T and scale * T' of a pair; a(p), b(p) give the images' parameters
//   image(q, value, slope)         the same where both images are one: k = q1 = q2 = q
//   describe(q, store)             the parameters of an image, store(p, v)
// The last two are used with doubles only, whatever the precision of the pairs.
#pragma once
#include "elementary.h"
#include "task.h"

namespace TESSERA_ISA {

const double PI = 3.14159265358979323846;

/** sqrt(1 - x^2), 0 where rounding has taken x past 1. */
template <class S> TESSERA_INLINE typename S::V rootOfComplement(typename S::V x) {
  return S::sqrt(S::notNegative(S::hasFma ? S::fma(-x, x, S::all(1)) : (S::all(1) - x) * (S::all(1) + x)));
}

template <class S> struct Identity {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 0;
  V scale;
  Identity(const Network&, double s) : scale(S::all(Real(s))) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A, B, V& value, V& slope) const {
    value = scale * k;
    slope = scale;
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    value = scale * q;
    slope = scale;
  }
  template <class Store> TESSERA_INLINE void describe(V, Store) const {}
};

/**
 * a min(x, 0) + b max(x, 0): relu, leaky relu, abs. Parameters: 1 / sqrt q (0 for q = 0) and q.
 * Where k = q1 = q2 (identical pixels, saturated ones above all) the angle is 0 exactly: rounding of the correlation
 * alone would make it sqrt(eps), 1e-8.
 */
template <class S> struct Abrelu {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 2;
  V half, kappa;
  Abrelu(const Network& n, double s)
      : half(S::all(Real(s * (n.a * n.a + n.b * n.b) / 2))), kappa(S::all(Real(s * (n.a - n.b) * (n.a - n.b) / (2 * PI)))) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V inverseA = a(0), inverseB = b(0), qa = a(1), qb = b(1);
    V x = k * (inverseA * inverseB);
    V sine = S::pickLess(S::abs(k), S::larger(qa, qb), rootOfComplement<S>(x), V{});
    slope = S::fma(-kappa, acosOf<S>(x, sine), half);
    // sqrt(q1 q2) from q / sqrt q: a product less to overflow, a parameter less to load.
    V root = (qa * inverseA) * (qb * inverseB);
    value = S::fma(kappa * root, sine, slope * k);
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    value = half * q;
    slope = half;
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const {
    store(0, S::pickLess(V{}, q, Real(1) / S::sqrt(q), q * Real(0)));
    store(1, q);
  }
};

/** T = (2/pi) asin x with x = 2k / sqrt((1+2q1)(1+2q2)). Parameter: sqrt(2 / (1+2q)). */
template <class S> struct Erf {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1;
  V factor;
  Erf(const Network&, double s) : factor(S::all(Real(s * 2 / PI))) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V w = a(0) * b(0);
    V x = k * w;
    V r = rootOfComplement<S>(x);
    value = factor * asinOf<S>(x, r);
    slope = factor * w / r;
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    V inverse = Real(1) / S::fma(q, S::all(2), S::all(1));
    V root = S::sqrt(S::fma(q, S::all(4), S::all(1)));
    value = factor * asinOf<S>(Real(2) * q * inverse, root * inverse);
    slope = Real(2) * factor / root;
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const {
    store(0, S::sqrt(Real(2) / S::fma(q, S::all(2), S::all(1))));
  }
};

/** x (1 + erf(x / sqrt 2)) / 2, with x = k / sqrt((1+q1)(1+q2)). Parameters: 1 / sqrt(1+q) and q. */
template <class S> struct Gelu {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 2;
  V quarter, factor;
  Gelu(const Network&, double s) : quarter(S::all(Real(s / 4))), factor(S::all(Real(s / (2 * PI)))) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V w = a(0) * b(0), p = a(1) * b(1);
    V x = k * w;
    V r = rootOfComplement<S>(x);
    V inverse = Real(1) / r;
    V angle = asinOf<S>(x, r);
    V mixed = S::fma(p * r, r, x * x) * w * inverse;
    value = S::fma(factor, S::fma(k, angle, mixed), quarter * k);
    V inner = S::fma(w * w, S::fma(inverse, inverse, Real(1) - p), S::all(1));
    slope = S::fma(factor, S::fma(x * inverse, inner, angle), quarter);
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    V inverse = Real(1) / (q + Real(1));
    V root = S::sqrt(S::fma(q, S::all(2), S::all(1)));
    V angle = asinOf<S>(q * inverse, root * inverse);
    value = S::fma(factor, S::fma(q, angle, Real(2) * q * q * inverse / root), quarter * q);
    V inner = S::fma(inverse, S::all(2), Real(1) / (root * root));
    slope = S::fma(factor, S::fma(q / root, inner, angle), quarter);
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const {
    store(0, Real(1) / S::sqrt(q + Real(1)));
    store(1, q);
  }
};

/**
 * a sin(b x + c): with y = b^2 k and Q = b^2 (q1 + q2) / 2, T = (a^2/2) (D + 2 sin^2 c exp(-y-Q)) and
 * T' = (a^2 b^2 / 2) (D + 2 cos^2 c exp(-y-Q)), where D = exp(y-Q) - exp(-y-Q) comes from expm1 without cancellation.
 * Parameter: b^2 q / 2. `network.c` holds sin^2 c (the caller turns c into it).
 */
template <class S> struct Sin {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1;
  V square, valueScale, slopeScale, twiceSine, twiceCosine;
  Sin(const Network& n, double s)
      : square(S::all(Real(n.b * n.b))), valueScale(S::all(Real(s * n.a * n.a / 2))),
        slopeScale(S::all(Real(s * n.a * n.a * n.b * n.b / 2))), twiceSine(S::all(Real(2 * n.c))), twiceCosine(S::all(Real(2 - 2 * n.c))) {}
  TESSERA_INLINE void finish(V larger, V decay, V lost, V y, V& value, V& slope) const {
    V difference = S::withSign(larger * lost, y);
    V opposite = S::pickLess(y, V{}, larger, larger * decay);
    value = valueScale * S::fma(twiceSine, opposite, difference);
    slope = slopeScale * S::fma(twiceCosine, opposite, difference);
  }
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V y = square * k, size = S::abs(y), larger, decay, ignored, minusLost;
    expAndExpm1<S>(size - (a(0) + b(0)), larger, ignored);
    expAndExpm1<S>(Real(-2) * size, decay, minusLost);
    finish(larger, decay, -minusLost, y, value, slope);
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    V decay, minusLost;
    expAndExpm1<S>(Real(-2) * square * q, decay, minusLost);
    finish(S::all(1), decay, -minusLost, q, value, slope);
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const { store(0, square * q * Real(0.5)); }
};

/** sqrt 2 sin(sqrt(2 gamma) x + pi/4): T = exp(gamma (2k - q1 - q2)). Parameter: gamma q. `network.a` is gamma. */
template <class S> struct Rbf {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1;
  V scale, gamma;
  Rbf(const Network& n, double s) : scale(S::all(Real(s))), gamma(S::all(Real(n.a))) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V exponential, ignored;
    expAndExpm1<S>(S::fma(Real(2) * gamma, k, -(a(0) + b(0))), exponential, ignored);
    value = scale * exponential;
    slope = Real(2) * gamma * value;
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    value = S::fma(q, V{}, scale);
    slope = Real(2) * gamma * value;
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const { store(0, gamma * q); }
};

}  // namespace TESSERA_ISA
