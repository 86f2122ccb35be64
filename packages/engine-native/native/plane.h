// One plane M(p) = M(p, p + s) of pixel pairs through all layers: K <- sw2 A[T(K)] + sb2, Theta <- K_new +
// sw2 A[T'(K_old) Theta]. A layer is two passes, the dual activation and the filter. The four planes of a 32 x 32 image
// stay in the first-level cache (f32: 16 KiB) or just about (f64: 32 KiB) from the first layer to the last.
#pragma once
#include "box-filter.h"
#include "task.h"

namespace TESSERA_ISA {

template <class Real> struct Plane {
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef typename S::I I;

  const PlaneShape& shape;
  BoxFilter<Real> filter;
  /** scale * T and scale * T' * Theta, waiting for the filter. */
  Buffer<Real> k, theta, value, tangent;
  Buffer<typename S::Int> inside;

  explicit Plane(const PlaneShape& s)
      : shape(s), filter(s), k(s.size()), theta(s.size()), value(s.size()), tangent(s.size()), inside(s.stride) {
    if (missing()) return;
    for (int x = 0; x < s.width; x++) inside[x] = -1;
  }
  bool missing() const {
    return filter.missing() || k.missing() || theta.missing() || value.missing() || tangent.missing() || inside.missing();
  }

  /** v without the lanes past the image's width. */
  TESSERA_INLINE V onlyInside(V v, int x) const {
    I mask;
    memcpy(&mask, inside + x, sizeof mask);
    return (V)((I)v & mask);
  }

  void sums(double* sumK, double* sumTheta) const {
    V totalK{}, totalTheta{};
    for (int y = 0; y < shape.height; y++) {
      for (int x = 0; x < shape.stride; x += S::lanes) {
        totalK += onlyInside(S::load(k + y * shape.stride + x), x);
        totalTheta += onlyInside(S::load(theta + y * shape.stride + x), x);
      }
    }
    *sumK = S::sum(totalK);
    *sumTheta = S::sum(totalTheta);
  }

  /** step.layer(k, theta, y, x, value, tangent) gives scale * T and scale * T' * Theta of one vector. */
  template <class Step> TESSERA_INLINE void dualPass(Step& step) {
    Real *__restrict values = value, *__restrict tangents = tangent;
    const Real *__restrict ks = k, *__restrict thetas = theta;
    for (int y = 0, at = 0; y < shape.height; y++) {
      for (int x = 0; x < shape.stride; x += S::lanes, at += S::lanes) {
        V v, t;
        step.layer(S::load(ks + at), S::load(thetas + at), y, x, v, t);
        S::store(values + at, v);
        S::store(tangents + at, t);
      }
    }
  }

  TESSERA_INLINE void filterPass(Real bias) {
    Real *__restrict ks = k, *__restrict thetas = theta;
    filter.apply(value, tangent, [=](int at, V sum, V tangentSum) {
      V newK = sum + bias;
      S::store(ks + at, newK);
      S::store(thetas + at, tangentSum + newK);
    });
  }

  /**
   * From K0 in `k` through all layers; sumK and sumTheta get the plane's sums at each depth asked for.
   * step.begin(l) announces a layer. Returns false when cancelled.
   */
  template <class Step> bool run(Step& step, const Depths& depths, double biasVariance, const volatile int32_t* cancel, double* sumK, double* sumTheta) {
    memcpy(theta, k, shape.size() * sizeof(Real));
    for (int d = 0, l = 0;; l++) {
      if (depths.depth[d] == l) {
        sums(sumK + d, sumTheta + d);
        if (++d == depths.count) return true;
      }
      if (*cancel) return false;
      step.begin(l);
      dualPass(step);
      filterPass(Real(biasVariance));
    }
  }
};

}  // namespace TESSERA_ISA
