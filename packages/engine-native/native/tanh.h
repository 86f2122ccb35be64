// The dual of tanh by Mehler's expansion: with h_n the normalised Hermite polynomials, u = sqrt q and
// alpha_m(q) = E[tanh(u z) h_{2m+1}(z)] / u, rho = k / (u_a u_b),
//   T = u_a u_b sum_m alpha_m(q_a) alpha_m(q_b) rho^(2m+1),  T' = sum_m (2m+1) alpha_m(q_a) alpha_m(q_b) rho^2m.
// In complement form every term of both sums is positive: half the square of the images' difference, and the product
// times 1 - rho^n, which grows from 1 - rho = gamma / (u_a u_b) (activations.h, Abrelu) by sums of positive numbers. The
// alphas are an image's parameters: a pair costs no quadrature. The sums end at m = 127; what they miss of T_aa and T'_aa,
// about exp(-pi sqrt(256 / q)), is counted as if it all were the next term's, so that T misses rho^257 times as much: with
// q the larger variance below 1e-14 for q <= 2, 1e-10 for q = 4 and rho = 0.99 (test/native-engine.test.ts measures it).
#pragma once
#include "activations.h"

namespace TESSERA_ISA {

struct TanhTable {
  static const int terms = 128;
  /** Trapezoidal nodes z = i * step > 0; by symmetry half of the line is enough. */
  static const int nodes = 208;
  static constexpr double step = 0.0625;
  /** weight[i][m] = 2 step h_{2m+1}(z_i) phi(z_i), phi the normal density; gauss[i] = 2 step phi(z_i). */
  double weight[nodes][terms], gauss[nodes];

  /** By the three-term recurrence of the Hermite functions h_n phi^(1/2), which stays bounded. */
  void fill() {
    for (int i = 0; i < nodes; i++) {
      double z = (i + 1) * step;
      double rootDensity = 0.63161877774606470 * __builtin_exp(-z * z / 4);
      double previous = rootDensity, current = z * rootDensity;
      gauss[i] = 2 * step * rootDensity * rootDensity;
      for (int n = 1, m = 0; m < terms; n++) {
        if (n % 2 == 1) weight[i][m++] = 2 * step * rootDensity * current;
        double next = (z * current - __builtin_sqrt((double)n) * previous) / __builtin_sqrt((double)(n + 1));
        previous = current;
        current = next;
      }
    }
  }
};

/** Parameters: the deviation of u, u, 1 / u (0 for u = 0), half of what the sums miss of T and T'; then alpha, its deviation and u alpha's for each m. */
template <class S> struct Tanh {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int terms = TanhTable::terms;
  static const int parameters = 5 + 3 * terms;
  static const bool levelSlopes = false;
  static const bool longChain = false;
  V scale;
  const TanhTable* table;
  Tanh(const Network& n, double s) : scale(S::all(Real(s))), table((const TanhTable*)n.table) {}
  template <bool Level, class A, class B> TESSERA_INLINE void pair(V delta, A a, B b, V& complement, V& slope, V& slopeComplement) const {
    V difference = a(0) - b(0);
    V gamma = S::notNegative(S::fma(difference * difference, S::all(Real(-0.5)), delta));
    V lost = gamma * (a(2) * b(2)), rho = Real(1) - lost, square = rho * rho, grown = lost * (rho + Real(1));
    // Of n = 2m: rho^n, 1 - rho^n; of n + 1: 1 - rho^(n+1).
    V power = S::all(1), lostEven{}, lostOdd = lost, product{}, apart{}, slopeLost{};
    slope = V{};
    for (int m = 0; m < terms; m++) {
      const Real odd = Real(2 * m + 1);
      V both = a(5 + m) * b(5 + m), weighted = odd * both;
      product = S::fma(both, lostOdd, product);
      slope = S::fma(weighted, power, slope);
      slopeLost = S::fma(weighted, lostEven, slopeLost);
      if (!Level) {
        V alpha = a(5 + terms + m) - b(5 + terms + m), whole = a(5 + 2 * terms + m) - b(5 + 2 * terms + m);
        apart = S::fma(whole, whole, apart);
        slopeLost = S::fma(alpha * alpha, S::all(odd / 2), slopeLost);
      }
      V step = power * grown;
      lostEven += step;
      lostOdd = S::fma(step, rho, lostOdd);
      power *= square;
    }
    V missed = a(3) + b(3), slopeMissed = a(4) + b(4);
    complement = scale * S::fma(missed, lostOdd, S::fma(apart, S::all(Real(0.5)), (a(1) * b(1)) * product));
    slope = scale * S::fma(slopeMissed, power, slope);
    slopeComplement = scale * S::fma(slopeMissed, lostEven, slopeLost);
  }
  template <class Store> TESSERA_INLINE ImageDual<V> image(V reference, V deviation, Store store) const {
    V q = wholeOf<S>(reference, deviation), root = S::sqrt(q), rootRef = S::sqrt(reference), du = deviation / (root + rootRef);
    V inverse = S::pickLess(V{}, q, Real(1) / root, q * Real(0)), perBoth = inverse / rootRef;
    V alpha[terms], dAlpha[terms], whole[terms], value{}, dValue{}, slope = S::all(Real(TanhTable::step * 0.39894228040143268)), dSlope{};
    for (int m = 0; m < terms; m++) alpha[m] = dAlpha[m] = whole[m] = V{};
    for (int i = 0; i < TanhTable::nodes; i++) {
      double z = (i + 1) * TanhTable::step;
      V gauss = S::all(Real(table->gauss[i]));
      V ref = tanhOf<S>(rootRef * Real(z)), own = tanhOf<S>(root * Real(z));
      // tanh x - tanh y = tanh(x - y) (1 - tanh x tanh y).
      V more = tanhOf<S>(du * Real(z)) * (Real(1) - own * ref), sum = own + ref;
      V bend = S::fma(-ref, ref, S::all(1)), fall = -more * sum;
      value = S::fma(ref * ref, gauss, value);
      dValue = S::fma(more * sum, gauss, dValue);
      slope = S::fma(bend * bend, gauss, slope);
      dSlope = S::fma(fall * (bend + bend + fall), gauss, dSlope);
      V ratio = S::pickLess(V{}, q, own * inverse, S::fma(q, V{}, S::all(Real(z))));
      V dRatio = S::pickLess(V{}, q, (rootRef * more - du * ref) * perBoth, ratio - ref / rootRef);
      for (int m = 0; m < terms; m++) {
        V weight = S::all(Real(table->weight[i][m]));
        alpha[m] = S::fma(ratio, weight, alpha[m]);
        dAlpha[m] = S::fma(dRatio, weight, dAlpha[m]);
        whole[m] = S::fma(more, weight, whole[m]);
      }
    }
    store(0, du);
    store(1, root);
    store(2, inverse);
    V squares{}, slopes{};
    for (int m = 0; m < terms; m++) {
      squares = S::fma(q * alpha[m], alpha[m], squares);
      slopes = S::fma(Real(2 * m + 1) * alpha[m], alpha[m], slopes);
    }
    // Less than the rounding of the sums is nothing.
    const Real noise = Real(1 - 4e-15);
    store(3, S::notNegative((value + dValue) * noise - squares) * Real(0.5));
    store(4, S::notNegative((slope + dSlope) * noise - slopes) * Real(0.5));
    for (int m = 0; m < terms; m++) {
      store(5 + m, alpha[m]);
      store(5 + terms + m, dAlpha[m]);
      store(5 + 2 * terms + m, whole[m]);
    }
    return {scale * value, scale * slope, scale * dValue, scale * dSlope};
  }
};

}  // namespace TESSERA_ISA
