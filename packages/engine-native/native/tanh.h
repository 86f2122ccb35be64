// The dual of tanh by Mehler's expansion: with h_n the normalised Hermite polynomials and
// alpha_m(q) = E[tanh(sqrt q z) h_{2m+1}(z)] / sqrt q,
//   T = k S, T' = sum_m (2m+1) alpha_m(q1) alpha_m(q2) rho^2m, S = sum_m alpha_m(q1) alpha_m(q2) rho^2m, rho = k / sqrt(q1 q2).
// The alphas are an image's parameters: a pair costs two Horner sums and no quadrature. The sums end at m = 127; what is
// cut off is at most about exp(-pi sqrt(256 / q)) rho^256 (q the larger variance): below 1e-14 for q <= 2, 1e-10 for
// q = 4 and rho = 1 (test/activations.test.ts measures it).
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

template <class S> struct Tanh {
  typedef typename S::V V;
  typedef typename S::Real Real;
  static const int parameters = 1 + TanhTable::terms;
  V scale;
  const TanhTable* table;
  Tanh(const Network& n, double s) : scale(S::all(Real(s))), table((const TanhTable*)n.table) {}
  template <class A, class B> TESSERA_INLINE void pair(V k, A a, B b, V& value, V& slope) const {
    V rho = k * (a(0) * b(0));
    V square = rho * rho, sum{}, weighted{};
    for (int m = TanhTable::terms - 1; m >= 0; m--) {
      V term = a(1 + m) * b(1 + m);
      sum = S::fma(sum, square, term);
      weighted = S::fma(weighted, square, Real(2 * m + 1) * term);
    }
    value = scale * k * sum;
    slope = scale * weighted;
  }
  TESSERA_INLINE void image(V q, V& value, V& slope) const {
    V root = S::sqrt(q), squares{}, slopes = S::all(Real(TanhTable::step * 0.39894228040143268));
    for (int i = 0; i < TanhTable::nodes; i++) {
      V t = tanhOf<S>(root * Real((i + 1) * TanhTable::step));
      V derivative = S::fma(-t, t, S::all(1));
      squares = S::fma(t * t, S::all(Real(table->gauss[i])), squares);
      slopes = S::fma(derivative * derivative, S::all(Real(table->gauss[i])), slopes);
    }
    value = scale * squares;
    slope = scale * slopes;
  }
  template <class Store> TESSERA_INLINE void describe(V q, Store store) const {
    V root = S::sqrt(q), alpha[TanhTable::terms];
    for (int m = 0; m < TanhTable::terms; m++) alpha[m] = V{};
    for (int i = 0; i < TanhTable::nodes; i++) {
      double z = (i + 1) * TanhTable::step;
      V ratio = S::pickLess(V{}, q, tanhOf<S>(root * Real(z)) / root, S::fma(q, V{}, S::all(Real(z))));
      for (int m = 0; m < TanhTable::terms; m++) alpha[m] = S::fma(ratio, S::all(Real(table->weight[i][m])), alpha[m]);
    }
    store(0, S::pickLess(V{}, q, Real(1) / root, q * Real(0)));
    for (int m = 0; m < TanhTable::terms; m++) store(1 + m, alpha[m]);
  }
};

}  // namespace TESSERA_ISA
