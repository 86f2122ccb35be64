// One plane M(p) = M(p, p + s) of pixel pairs through all layers: K <- sw2 A[T(K)] + sb2, Theta <- K_new +
// sw2 A[T'(K_old) Theta]. A layer is two passes: the dual activation with the sums along the rows, then the sums over
// the rows. A plane of 32 x 32 stays in the first-level cache (f32) or the second (f64) from first layer to last.
#pragma once
#include "box-filter.h"
#include "task.h"

namespace TESSERA_ISA {

/** The most rows a filter covers: more would not fit windowRows' stack. */
const int MOST_FILTER = 255;

template <class Real> struct Plane {
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef typename S::I I;

  const PlaneShape& shape;
  BoxFilter<Real> filter;
  Buffer<Real> k, theta, valueSums, tangentSums, valueRow, tangentRow;
  Buffer<typename S::Int> inside;

  explicit Plane(const PlaneShape& s)
      : shape(s), filter(s), k(size(s)), theta(size(s)), valueSums(size(s)), tangentSums(size(s)), valueRow(2 * s.rowLength()),
        tangentRow(2 * s.rowLength()), inside(s.stride) {
    if (missing()) return;
    for (int x = 0; x < s.width; x++) inside[x] = -1;
  }
  static size_t size(const PlaneShape& s) { return (size_t)s.height * s.stride; }
  bool missing() const {
    return filter.missing() || k.missing() || theta.missing() || valueSums.missing() || tangentSums.missing() || valueRow.missing() ||
           tangentRow.missing() || inside.missing();
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

  /** First pass. step.layer(k, theta, y, x, value, tangent) gives scale * T and scale * T' * Theta of one vector. */
  template <class Step> TESSERA_INLINE void dualPass(Step& step) {
    const int length = shape.rowLength();
    for (int y = 0; y <= shape.height; y++) {
      if (y < shape.height) {
        Real *value = valueRow + (y % 2) * length + shape.halo, *tangent = tangentRow + (y % 2) * length + shape.halo;
        for (int x = 0; x < shape.stride; x += S::lanes) {
          V v, t;
          step.layer(S::load(k + y * shape.stride + x), S::load(theta + y * shape.stride + x), y, x, v, t);
          S::store(value + x, v);
          S::store(tangent + x, t);
        }
        filter.wrap(value);
        filter.wrap(tangent);
      }
      if (y == 0) continue;
      // One row behind: by now the stores of the row above have left the store buffer and unaligned loads are fast.
      filter.alongRow(valueRow + ((y - 1) % 2) * length + shape.halo, valueSums + (y - 1) * shape.stride);
      filter.alongRow(tangentRow + ((y - 1) % 2) * length + shape.halo, tangentSums + (y - 1) * shape.stride);
    }
  }

  /** Second pass. */
  template <int F> TESSERA_INLINE void columnPass(Real bias) {
    const int filterSize = F ? F : shape.filterSize;
    const Real *values[MOST_FILTER], *tangents[MOST_FILTER];
    for (int y = 0; y < shape.height; y++) {
      filter.windowRows(valueSums, y, values);
      filter.windowRows(tangentSums, y, tangents);
      for (int x = 0; x < shape.stride; x += S::lanes) {
        V value = S::load(values[0] + x), tangent = S::load(tangents[0] + x);
        for (int b = 1; b < filterSize; b++) {
          value += S::load(values[b] + x);
          tangent += S::load(tangents[b] + x);
        }
        value += bias;
        S::store(k + y * shape.stride + x, value);
        S::store(theta + y * shape.stride + x, tangent + value);
      }
    }
  }

  /**
   * From K0 in `k` through all layers; sumK and sumTheta get the plane's sums at each depth asked for.
   * step.begin(l) announces a layer. Returns false when cancelled.
   */
  template <class Step> bool run(Step& step, const Depths& depths, double biasVariance, const volatile int32_t* cancel, double* sumK, double* sumTheta) {
    memcpy(theta, k, size(shape) * sizeof(Real));
    for (int d = 0, l = 0;; l++) {
      if (depths.depth[d] == l) {
        sums(sumK + d, sumTheta + d);
        if (++d == depths.count) return true;
      }
      if (*cancel) return false;
      step.begin(l);
      dualPass(step);
      if (shape.filterSize == 3) columnPass<3>(Real(biasVariance));
      else columnPass<0>(Real(biasVariance));
    }
  }
};

}  // namespace TESSERA_ISA
