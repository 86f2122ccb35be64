// Arc sine, arc tangent, exp and expm1 on vectors: minimax polynomials (Remez, weighted by the relative error of the
// function), errors measured over the whole range by test/elementary.test.ts.
#pragma once
#include "simd.h"

namespace TESSERA_ISA {

/** (atan(sqrt z) / sqrt z - 1) / z for z in [0, tan^2(pi/6)]: relative error of atan 7.4e-18 (f64), 1.6e-9 (f32). */
template <class Real> struct AtanPolynomial;
template <> struct AtanPolynomial<double> {
  static const int degree = 12;
  static constexpr double c[degree + 1] = {-0.3333333333333277652,  0.1999999999986605723,   -0.1428571427442746843, 0.1111111063080208605,
                                           -0.09090896992068471525, 0.0769211090269945636,   -0.06664489686562603775, 0.05865452589025456103,
                                           -0.05169481651519874489, 0.04388706317484473979,  -0.03280956694056070614, 0.01824670393694355045,
                                           -0.005349670390467730254};
};
template <> struct AtanPolynomial<float> {
  static const int degree = 5;
  static constexpr float c[degree + 1] = {-0.333333044981f, 0.199982659623f, -0.142506051387f, 0.107775941298f, -0.0742178965249f, 0.0315373675955f};
};

/**
 * (asin(sqrt z) / sqrt z - 1) / z for z in [0, 1/2]: relative error of asin, and of the segment made from it
 * (activations.h, Abrelu), 4.5e-17 (f64); of asin alone 2.3e-9 (f32).
 */
template <class Real> struct WideAsinPolynomial;
template <> struct WideAsinPolynomial<double> {
  static const int degree = 17;
  static constexpr double c[degree + 1] = {0.1666666666666666071, 0.07500000000007919677, 0.04464285712547456533, 0.0303819459473581186,
                                           0.02237209096790747805, 0.01735463197037889849, 0.01393116213372109878, 0.01197343262491415209,
                                           0.005966695994428476994, 0.03351559472616459353, -0.1166984016873474656, 0.4650972225054138739,
                                           -1.261330750907729228, 2.58586547213633143, -3.766694854751897359, 3.760888798000014134,
                                           -2.296957697489988967, 0.6682883940022917761};
};
template <> struct WideAsinPolynomial<float> {
  static const int degree = 7;
  static constexpr float c[degree + 1] = {0.16666623127f,    0.0750268275405f, 0.0440817761676f,  0.0359913409051f,
                                          -0.00805860805652f, 0.110332642966f,  -0.139972076236f, 0.126116999896f};
};
/** (sin t - t cos t) / (2 z sqrt z), z = sin^2(t/2) in [0, 1/2]: relative error 5.7e-18 (f64), 1.9e-9 (f32). */
template <class Real> struct SegmentPolynomial;
template <> struct SegmentPolynomial<double> {
  static const int degree = 17;
  static constexpr double c[degree + 1] = {1.3333333333333333,    0.13333333333334296,  0.04285714285512374,   0.019841270008876484,
                                           0.01104797247090985,   0.006883935778237328, 0.004623993965981372,  0.003327472812659867,
                                           0.0020654787899876625, 0.004239189809804135, -0.010090464183000318, 0.04326829083552259,
                                           -0.11391305407947942,  0.23235305805681106,  -0.33497731307537976,  0.3329566402699465,
                                           -0.20251799624295788,  0.05920703951970939};
};
template <> struct SegmentPolynomial<float> {
  static const int degree = 7;
  static constexpr float c[degree + 1] = {1.33333333091f,   0.133333923978f, 0.0428336629272f,  0.0201938807361f,
                                          0.00848737802777f, 0.0166986722487f, -0.0150407809043f, 0.0209067068147f};
};

/** (exp(f) - 1 - f) / f^2 for |f| <= ln(2)/2: relative error of expm1 2.7e-19 (f64), 3.7e-10 (f32). */
template <class Real> struct ExpPolynomial;
template <> struct ExpPolynomial<double> {
  static const int degree = 10;
  static constexpr double c[degree + 1] = {
      0.5, 0.16666666666666676, 0.0416666666666665559, 0.00833333333332201138, 0.0013888888888948912, 0.000198412698852674776,
      0.0000248015871900738956, 2.75572450013716829e-6, 2.75573919893611417e-7, 2.51087797135013691e-8, 2.08777786638337387e-9};
  /** ln 2 in two parts, the first with 21 trailing zeros. */
  static constexpr double ln2High = 6.93147180369123816490e-01, ln2Low = 1.90821492927058770002e-10;
  /** Adding it rounds to an integer and leaves that integer in the low bits: 1.5 * 2^52. */
  static constexpr double shifter = 6755399441055744.0;
  static constexpr double lowest = -708.0, highest = 709.0;
  static const int mantissaBits = 52, exponentBias = 1023;
};
template <> struct ExpPolynomial<float> {
  static const int degree = 5;
  static constexpr float c[degree + 1] = {0.50000000037224048f, 0.166666663058511436f, 0.0416664718605975516f,
                                          0.00833341674134978195f, 0.00139339229444802756f, 0.00019826226907668244f};
  static constexpr float ln2High = 6.93145752e-01f, ln2Low = 1.42860677e-06f;
  static constexpr float shifter = 12582912.0f;
  static constexpr float lowest = -87.0f, highest = 88.0f;
  static const int mantissaBits = 23, exponentBias = 127;
};

/** By Horner's rule; long ones on narrow vectors as even and odd terms side by side, where the chain is what takes the time. */
template <class S, class P> TESSERA_INLINE typename S::V polynomial(typename S::V x) {
  typename S::V sum = S::all(P::c[P::degree]);
  if (TESSERA_VECTOR_BYTES == 64 || P::degree < 9) {
#pragma GCC unroll 32
    for (int i = P::degree - 1; i >= 0; i--) sum = S::fma(sum, x, S::all(P::c[i]));
    return sum;
  }
  typename S::V square = x * x, next = S::all(P::c[P::degree - 1]);
#pragma GCC unroll 32
  for (int i = P::degree - 2; i >= 1; i -= 2) {
    sum = S::fma(sum, square, S::all(P::c[i]));
    next = S::fma(next, square, S::all(P::c[i - 1]));
  }
  if (P::degree % 2) return S::fma(sum, x, next);
  return S::fma(S::fma(sum, x, next), x, S::all(P::c[0]));
}

/** atan t for |t| <= tan(pi/6), relatively accurate down to 0. */
template <class S> TESSERA_INLINE typename S::V atanCore(typename S::V t) {
  typename S::V z = t * t;
  return S::fma(t * z, polynomial<S, AtanPolynomial<typename S::Real>>(z), t);
}

const double TAN_30 = 0.57735026918962576451, ROOT_3 = 1.7320508075688772935, THIRD_PI = 1.0471975511965977462;

/** atan(y / x) in [0, pi/2] for y >= 0, x > 0; above pi/6 the angle is turned by pi/3. */
template <class S> TESSERA_INLINE typename S::V atanOf(typename S::V y, typename S::V x) {
  typedef typename S::Real Real;
  typename S::V edge = S::all(Real(TAN_30)) * x;
  typename S::V above = S::pickLess(edge, y, S::fma(S::all(Real(-ROOT_3)), x, y), y);
  typename S::V below = S::pickLess(edge, y, S::fma(S::all(Real(ROOT_3)), y, x), x);
  return S::pickLess(edge, y, S::all(Real(THIRD_PI)), typename S::V{}) + atanCore<S>(above / below);
}

/** exp t and expm1 t, from one polynomial: 2^n (1 + p) with p = expm1(t - n ln 2). exp flushes to 0 below -708 (-87). */
template <class S> TESSERA_INLINE void expAndExpm1(typename S::V t, typename S::V& exponential, typename S::V& minusOne) {
  typedef typename S::Real Real;
  typedef ExpPolynomial<Real> P;
  typename S::V shifted = S::fma(t, S::all(Real(1.4426950408889634)), S::all(P::shifter));
  typename S::V n = shifted - P::shifter;
  typename S::V f = S::fma(n, S::all(-P::ln2Low), S::fma(n, S::all(-P::ln2High), t));
  typename S::V p = S::fma(f * f, polynomial<S, P>(f), f);
  typename S::V scale = S::powerOfTwo(shifted, P::mantissaBits, P::exponentBias);
  exponential = S::fma(scale, p, scale);
  minusOne = S::fma(scale, p, scale - Real(1));
  typename S::V lowest = S::all(P::lowest), highest = S::all(P::highest), infinite = S::all(Real(__builtin_inf()));
  exponential = S::pickLess(t, lowest, typename S::V{}, S::pickLess(highest, t, infinite, exponential));
  minusOne = S::pickLess(t, lowest, S::all(Real(-1)), S::pickLess(highest, t, infinite, minusOne));
}

/** tanh x: expm1(2|x|) / (expm1(2|x|) + 2) turned around, so that nothing overflows. */
template <class S> TESSERA_INLINE typename S::V tanhOf(typename S::V x) {
  typename S::V exponential, minusOne;
  expAndExpm1<S>(S::abs(x) * typename S::Real(-2), exponential, minusOne);
  return S::withSign(-minusOne / (minusOne + typename S::Real(2)), x);
}

}  // namespace TESSERA_ISA
