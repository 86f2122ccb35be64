// What depends on one image alone: its variances, by pixel and layer, and the parameters that its pairs read. In double
// precision, once per image. Variances are kept as a common reference, which starts as a constant and depends on the
// pixel where the padding is zero, plus the image's deviation: what two images differ by is right to rounding.
#pragma once
#include "activations.h"
#include "cnn-difference.h"
#include "pages.h"
#include "plane.h"

namespace TESSERA_ISA {

/** Memory that is written before it is read, in huge pages where the system has them: not zeroed. */
template <class T> class Pages {
 public:
  explicit Pages(size_t count) : items(count ? (T*)takePages(count * sizeof(T) + 128) : nullptr), empty(count == 0) {}
  ~Pages() { givePages(items); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  operator T*() const { return items; }
  bool missing() const { return !items && !empty; }

 private:
  T* items;
  bool empty;
};

/** Planes q and theta of the reference by layer, 0..layers, and their means over the pixels at each depth. */
struct ReferenceImage {
  typedef Simd<double> D;
  const PlaneShape& shape;
  Buffer<double> planes, means;
  ReferenceImage(const PlaneShape& s, int layers, int depths) : shape(s), planes((size_t)(layers + 1) * 2 * s.size()), means((size_t)2 * depths) {}
  bool missing() const { return planes.missing() || means.missing(); }
  /** Rows of q and theta interleaved. */
  const double* at(int layer) const { return planes + (size_t)layer * 2 * shape.size(); }

  template <class Activation> struct Step : StepVectors<D, 1> {
    typedef int Row;
    const Activation& imagewise;
    int row(int) const { return 0; }
    TESSERA_INLINE void at(const int*, ptrdiff_t, const D::V* before, D::V* after) const {
      ImageDual<D::V> dual = imagewise.image(before[0], D::V{}, [](int, D::V) {});
      after[0] = dual.value;
      after[1] = D::fma(dual.slope, before[1], dual.value);
    }
  };

  template <class Activation> void fill(const CnnTile& tile, const Activation& imagewise, PlaneMachine<double, 2>& machine) {
    const int layers = tile.depths.depth[tile.depths.count - 1];
    const double pixels = (double)shape.height * shape.width;
    for (size_t i = 0; i < 2 * shape.size(); i++) planes[i] = tile.referenceVariance;
    Step<Activation> step{{}, imagewise};
    machine.filter.cut(0, 0);
    for (int l = 0, d = 0;; l++) {
      double* here = planes + (size_t)l * 2 * shape.size();
      if (tile.depths.depth[d] == l) {
        machine.sums(here, means + 2 * d);
        means[2 * d] /= pixels;
        means[2 * d + 1] /= pixels;
        d++;
      }
      if (l == layers) return;
      machine.dualPass(here, step);
      machine.template filterPass<0>(here + 2 * shape.size(), tile.network.biasVariance);
    }
  }
};

/** How the tables of an image lie in memory. Rows repeat up to `stride` where planes are displaced; all by rows, interleaved. */
struct ImageLayout {
  int height, width, channels, stride, layers;
  /** Numbers a pixel hands to its pairs, in complement form and in deviations from the reference plane (0 where unused). */
  int parameters, differences;
  size_t pixels() const { return (size_t)height * stride; }
  size_t layerSize() const { return parameters * pixels(); }
  size_t differenceSize() const { return differences * pixels(); }
  size_t tablesAt() const { return channels * pixels(); }
  size_t differencesAt() const { return tablesAt() + layers * layerSize(); }
  size_t size() const { return differencesAt() + layers * differenceSize(); }
};

/**
 * Parameters beside the activation's own: Theta_aa / 2, where slopes vary their deviation and that of Theta_aa / 4, and
 * T_aa / 2 for pairs that carry Theta.
 */
template <class Activation, int planes> struct PairParameters {
  static const int own = Activation::parameters;
  static const int halfTheta = own, slope = own + 1, quarterTheta = own + 2;
  static const int halfValue = own + (Activation::levelSlopes ? 1 : 3), count = halfValue + (planes == 3);
};

/** Fills the tables of images, one at a time. Working memory of one thread. */
template <class Real, template <class> class ActivationOf, int planes> struct ImageTables {
  typedef Simd<double> D;
  typedef ActivationOf<D> Activation;
  typedef typename DifferenceOf<ActivationOf>::template Of<D> Difference;
  typedef PairParameters<Activation, planes> P;

  const CnnTile& tile;
  const ImageLayout& layout;
  const PlaneShape& shape;
  const ReferenceImage& reference;
  const Activation& imagewise;
  PlaneMachine<double, 2> machine;
  Buffer<double> state;

  ImageTables(const CnnTile& t, const ImageLayout& l, const PlaneShape& s, const ReferenceImage& r, const Activation& a)
      : tile(t), layout(l), shape(s), reference(r), imagewise(a), machine(s), state(2 * s.size()) {
    if (!missing()) machine.filter.cut(0, 0);
  }
  bool missing() const { return machine.missing() || state.missing(); }

  struct Step : StepVectors<D, 1> {
    ImageTables& tables;
    const double* reference;
    Real *layer, *difference;
    struct Row {
      const double* reference;
      Real *layer, *difference;
    };
    Step(ImageTables& t, const double* r, Real* l, Real* d) : tables(t), reference(r), layer(l), difference(d) {}
    Row row(int y) const {
      return {reference + (size_t)y * 2 * tables.shape.stride, layer + (size_t)y * P::count * tables.layout.stride,
              difference + (size_t)y * tables.layout.differences * tables.layout.stride};
    }
    TESSERA_INLINE void at(const Row* rows, ptrdiff_t x, const D::V* before, D::V* after) const {
      const Row row = rows[0];
      const ptrdiff_t stride = tables.layout.stride;
      Real* here = row.layer + x;
      D::V q = D::load(row.reference + x), theta = D::load(row.reference + tables.shape.stride + x);
      auto store = [=](int p, D::V v) { storeAs(here + p * stride, v); };
      ImageDual<D::V> dual = tables.imagewise.image(q, before[0], store);
      D::V own = theta + before[1];
      after[0] = dual.valueDeviation;
      after[1] = D::fma(dual.slope, before[1], D::fma(dual.slopeDeviation, own, dual.valueDeviation));
      store(P::halfTheta, own * 0.5);
      if (planes == 3) store(P::halfValue, (dual.value + dual.valueDeviation) * 0.5);
      if (!Activation::levelSlopes) {
        store(P::slope, dual.slopeDeviation);
        store(P::quarterTheta, before[1] * 0.25);
      }
      if (tables.layout.differences > 0) {
        Real* apart = row.difference + x;
        Difference::image(tables.tile.network, q, before[0], [=](int p, D::V v) { storeAs(apart + p * stride, v); });
      }
    }
  };

  /** Repeats the rows of a table up to the layout's stride. */
  void repeat(Real* rows, size_t count) const {
    const int width = layout.width, stride = layout.stride;
    for (size_t r = 0; r < count; r++) {
      Real* row = rows + r * stride;
      for (int x = width; x < stride; x++) row[x] = row[x - width];
    }
  }

  /** `out`: the image's tables; sums: (depths, 2), those of the deviations of q and theta over the pixels. */
  bool fill(const double* image, Real* out, double* sums) {
    const int channels = layout.channels, layers = layout.layers, stride = layout.stride;
    for (int y = 0; y < layout.height; y++) {
      for (int x = 0; x < layout.width; x++) {
        double r = 0;
        for (int c = 0; c < channels; c++) {
          double v = image[((size_t)y * layout.width + x) * channels + c];
          // (v - ref)(v + ref) with ref^2 the reference variance would need its root: the square's rounding is as small.
          r += __builtin_fma(v, v, -tile.referenceVariance);
          out[((size_t)y * channels + c) * stride + x] = Real(v);
        }
        state[(size_t)2 * y * shape.stride + x] = state[(size_t)(2 * y + 1) * shape.stride + x] = r / channels;
      }
    }
    repeat(out, (size_t)layout.height * channels);
    for (int l = 0, d = 0;; l++) {
      if (tile.depths.depth[d] == l) machine.sums(state, sums + 2 * d++);
      if (l == layers) return true;
      if (*tile.cancel) return false;
      Real *layer = out + layout.tablesAt() + l * layout.layerSize(), *difference = out + layout.differencesAt() + l * layout.differenceSize();
      Step step(*this, reference.at(l), layer, difference);
      machine.dualPass(state, step);
      machine.template filterPass<2>(state, 0);
      repeat(layer, (size_t)layout.height * layout.parameters);
      if (layout.differences > 0) repeat(difference, (size_t)layout.height * layout.differences);
    }
  }
};

}  // namespace TESSERA_ISA
