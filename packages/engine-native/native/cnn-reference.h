// The reference plane of a displacement under zero padding (cnn-difference.h): K_ref(p, p + s) and Theta_ref of constant
// images, by layer. In double precision and complement form itself, delta_ref = (q_ref(p) + q_ref(p'))/2 - K_ref from
// exactly 0, so that the angle between the references of two pixels has small relative error. A padded pixel has variance
// 0: where only p + b lies in the image the window takes T_ref(p + b) / 2.
#pragma once
#include "cnn-images.h"

namespace TESSERA_ISA {

template <class A, class B> const bool isSame = false;
template <class A> const bool isSame<A, A> = true;

/** What the reference's pixels hand to their pairs, by layer; shared by all displacements. */
template <template <class> class ActivationOf> struct ReferencePixels {
  typedef Simd<double> D;
  typedef ActivationOf<D> Activation;
  /** Beside the activation's own parameters: q, scale * T / 2, and the sum of the latter over the window. */
  static const int own = Activation::parameters, variance = own, halfValue = own + 1, window = own + 2, count = own + 3;

  const PlaneShape& shape;
  const int stride, layers;
  Buffer<double> table;

  ReferencePixels(const PlaneShape& s, int width, int l) : shape(s), stride(width), layers(l), table((size_t)l * count * s.height * width) {}
  bool missing() const { return table.missing(); }
  const double* row(int layer, int y) const { return table + ((size_t)layer * shape.height + y) * count * stride; }
  double* rowToWrite(int layer, int y) { return table + ((size_t)layer * shape.height + y) * count * stride; }

  bool fill(const ReferenceImage& reference, const Activation& imagewise) {
    PlaneMachine<double, 1> machine(shape);
    Buffer<double> sums(shape.size());
    if (machine.missing() || sums.missing()) return false;
    machine.filter.cut(0, 0);
    for (int l = 0; l < layers; l++) {
      const double* planes = reference.at(l);
      // Deviations from one pixel: exactly 0 as far from the border as the border has not been felt.
      const D::V center = D::all(planes[(size_t)(shape.height / 2) * 2 * shape.stride + shape.width / 2]);
      for (int y = 0; y < shape.height; y++) {
        double* here = rowToWrite(l, y);
        for (int x = 0; x < shape.stride; x += D::lanes) {
          D::V q = D::load(planes + (size_t)y * 2 * shape.stride + x);
          ImageDual<D::V> dual = imagewise.image(center, q - center, [=](int p, D::V v) { D::store(here + (size_t)p * stride + x, v); });
          D::V half = (dual.value + dual.valueDeviation) * 0.5;
          D::store(here + (size_t)variance * stride + x, q);
          D::store(here + (size_t)halfValue * stride + x, half);
          D::store(machine.staged + (size_t)y * shape.stride + x, half);
        }
      }
      machine.template filterPass<1>(sums, 0);
      for (int y = 0; y < shape.height; y++) {
        double* here = rowToWrite(l, y);
        memcpy(here + (size_t)window * stride, sums + (size_t)y * shape.stride, shape.width * sizeof(double));
        for (int p = 0; p < count; p++) {
          for (int x = shape.width; x < stride; x++) here[(size_t)p * stride + x] = here[(size_t)p * stride + x - shape.width];
        }
      }
    }
    return true;
  }
};

/** The reference planes of one displacement at a time, for pairs in precision Real. Working memory of one thread. */
template <class Real, template <class> class ActivationOf> struct ReferencePlanes {
  typedef Simd<double> D;
  typedef ReferencePixels<ActivationOf> Pixels;
  typedef typename DifferenceOf<ActivationOf>::template Of<Pack<D, 2>> Difference;
  /** Beside the activation's own numbers: Theta_ref and scale * T_ref. */
  static const int own = Difference::references, theta = own, value = own + 1, count = own + 2;

  const CnnTile& tile;
  const PlaneShape& shape;
  const Pixels& pixels;
  const ReferenceImage& reference;
  const double scale;
  /** Row length of `table`. */
  const int stride;
  PlaneMachine<double, 4> machine;
  Buffer<double> state;
  Buffer<Real> table;
  int dy, dx;

  ReferencePlanes(const CnnTile& t, const PlaneShape& s, const Pixels& p, const ReferenceImage& r, double sc, int pairStride)
      : tile(t), shape(s), pixels(p), reference(r), scale(sc), stride(pairStride), machine(s), state(4 * s.size()),
        table((size_t)p.layers * s.height * count * pairStride) {}
  bool missing() const { return machine.missing() || state.missing() || table.missing(); }
  size_t layerSize() const { return (size_t)shape.height * count * stride; }
  int partnerRow(int y) const { return y + dy < shape.height ? y + dy : y + dy - shape.height; }

  struct Step : StepVectors<D, 2> {
    typedef StepVectors<D, 2> Vectors;
    typedef typename Vectors::G G;
    typedef typename Vectors::V V;
    static const bool takesAngle = isSame<ActivationOf<G>, Abrelu<G>>;
    ReferencePlanes& planes;
    const ActivationOf<G> pairwise;
    int layer;
    explicit Step(ReferencePlanes& p) : planes(p), pairwise(p.tile.network, p.scale) {}
    struct Row {
      const double *a, *b;
      Real* out;
    };
    Row row(int y) const {
      return {planes.pixels.row(layer, y), planes.pixels.row(layer, planes.partnerRow(y)) + planes.dx,
              planes.table + layer * planes.layerSize() + (size_t)y * count * planes.stride};
    }
    /** Planes: delta, T_ref / 2 of either pixel, and Theta. */
    TESSERA_INLINE void at(const Row* rows, ptrdiff_t x, const V* before, V* after) const {
      const ptrdiff_t width = planes.pixels.stride, stride = planes.stride;
      auto ofA = [=](int p) { return Vectors::gather([=](int i) { return D::load(rows[i].a + x + p * width); }); };
      auto ofB = [=](int p) { return Vectors::gather([=](int i) { return D::load(rows[i].b + x + p * width); }); };
      auto put = [=](int p, const V& v) { Vectors::scatter(v, [=](int i, D::V part) { storeAs(rows[i].out + x + p * stride, part); }); };
      V complement, slope, slopeComplement;
      if constexpr (takesAngle) {
        const auto angle = pairwise.template angleOf<false>(before[0], ofA, ofB);
        pairwise.pairOf(before[0], angle, complement, slope, slopeComplement);
        Difference::reference(angle, sizeof(Real) == 8 ? 1e-290 : 1e-36, put);
      } else {
        pairwise.template pair<false>(before[0], ofA, ofB, complement, slope, slopeComplement);
        Difference::reference(planes.tile.network, planes.scale, before[0], ofA(Pixels::variance), ofB(Pixels::variance), put);
      }
      after[1] = ofA(Pixels::halfValue);
      after[2] = ofB(Pixels::halfValue);
      V dual = after[1] + after[2] - complement;
      after[0] = complement;
      after[3] = G::fma(slope, before[3], dual);
      put(theta, before[3]);
      put(value, dual);
    }
  };

  /** Completes delta of a layer by the halves that its windows took from outside of the other pixel's image. */
  void settle(int layer) {
    for (int y = 0; y < shape.height; y++) {
      const double *a = pixels.row(layer - 1, y) + (size_t)Pixels::window * pixels.stride;
      const double* b = pixels.row(layer - 1, partnerRow(y)) + (size_t)Pixels::window * pixels.stride + dx;
      double* here = state + (size_t)4 * y * shape.stride;
      for (int x = 0; x < shape.stride; x += D::lanes) {
        D::V edge = (D::load(a + x) - D::load(here + shape.stride + x)) + (D::load(b + x) - D::load(here + 2 * shape.stride + x));
        D::store(here + x, D::load(here + x) + edge);
      }
    }
  }

  /** The sums of K_ref and Theta_ref over the plane. */
  void addSums(int layer, double weight, double* sums) {
    const double* planes = reference.at(layer);
    double k = 0, theta = 0;
    for (int y = 0; y < shape.height; y++) {
      const double *here = state + (size_t)4 * y * shape.stride, *a = planes + (size_t)2 * y * shape.stride;
      const double* b = planes + (size_t)2 * partnerRow(y) * shape.stride;
      for (int x = 0; x < shape.width; x++) {
        int partner = x + dx < shape.width ? x + dx : x + dx - shape.width;
        k += (a[x] + b[partner]) * 0.5 - here[x];
        theta += here[3 * shape.stride + x];
      }
    }
    sums[0] += weight * k;
    sums[1] += weight * theta;
  }

  /** Fills the table for a displacement and adds `weight` times its sums, (depths, 2). False when cancelled. */
  bool fill(int rows, int columns, double weight, double* sums) {
    dy = rows;
    dx = columns;
    machine.filter.cut(dy, dx);
    for (int y = 0; y < shape.height; y++) {
      for (int x = 0; x < shape.stride; x++) {
        state[(size_t)4 * y * shape.stride + x] = 0;
        state[(size_t)(4 * y + 3) * shape.stride + x] = tile.referenceVariance;
      }
    }
    Step step(*this);
    for (int l = 0, d = 0;; l++) {
      if (l > 0) settle(l);
      if (tile.depths.depth[d] == l) addSums(l, weight, sums + 2 * d++);
      if (l == pixels.layers) return true;
      if (*tile.cancel) return false;
      step.layer = l;
      machine.dualPass(state, step);
      machine.template filterPass<3>(state, tile.network.biasVariance);
    }
  }

  /** Turns the table into that of the displacement (dy, -dx), whose reference planes are the mirror images of these. */
  void mirror() {
    typedef Simd<Real> S;
    const int width = shape.width;
    for (Real *row = table, *end = row + pixels.layers * layerSize(); row < end; row += stride) {
      int left = 0, right = width;
      for (; right - left >= 2 * S::lanes; left += S::lanes, right -= S::lanes) {
        typename S::V first = S::load(row + left), last = S::load(row + right - S::lanes);
        S::store(row + left, S::reverse(last));
        S::store(row + right - S::lanes, S::reverse(first));
      }
      for (; left < --right; left++) {
        Real kept = row[left];
        row[left] = row[right];
        row[right] = kept;
      }
    }
  }
};

}  // namespace TESSERA_ISA
