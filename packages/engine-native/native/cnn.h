// Convolutional networks by planes of one displacement (plane.h). Of a pair of images, flatten needs the plane s = 0
// and global average pooling all height * width of them. What depends on one image alone, its variances and the
// parameters made from them, is computed once per image, pixel and layer, in double precision.
#pragma once
#include "activations.h"
#include "plane.h"

namespace TESSERA_ISA {


template <class RealType, template <class> class ActivationOf> struct Cnn {
  typedef RealType Real;
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef Simd<double> D;
  static const int parameters = ActivationOf<S>::parameters;
  static const int mostImages = 64;
  static const size_t tableBytes = 48 << 20;

  const CnnTile& tile;
  const PlaneShape pairShape, imageShape;
  /** Row length of tables and images: rows repeat up to here. The same in both precisions. */
  const int stride;
  const size_t pixels;
  const int layers;
  const ActivationOf<S> pairwise;
  const ActivationOf<D> imagewise;
  int side;

  explicit Cnn(const CnnTile& t)
      : tile(t), pairShape(t.height, t.width, t.filterSize, t.circular, S::lanes),
        imageShape(t.height, t.width, t.filterSize, t.circular, D::lanes),
        stride(t.pooled ? roundUp(pairShape.stride + t.width - 1, S::lanes) : pairShape.stride), pixels((size_t)t.height * stride),
        layers(t.depths.depth[t.depths.count - 1]), pairwise(t.network, scaleOf(t)), imagewise(t.network, scaleOf(t)) {
    size_t bytes = imageNumbers() * sizeof(Real) * 2;
    side = larger(1, smaller(mostImages, (int)(tableBytes / bytes)));
    if (tile.threads > 1) side = larger(1, smaller(side, larger(tile.rowCount, tile.colCount) / tile.threads));
  }
  static double scaleOf(const CnnTile& t) { return t.network.weightVariance / ((double)t.filterSize * t.filterSize); }

  /** One image prepared: its channel planes, then its parameters for every layer; and its own plane's sums. */
  size_t imageNumbers() const { return (tile.channels + (size_t)layers * parameters) * pixels; }
  struct Prepared {
    Buffer<Real> numbers;
    Buffer<double> sums;
    Prepared(const Cnn& c, int count) : numbers(count * c.imageNumbers()), sums((size_t)count * 2 * c.tile.depths.count) {}
    bool missing() const { return numbers.missing() || sums.missing(); }
  };

  /** Stores one value of pixel (y, x) and its repetitions in the row. */
  template <class T> TESSERA_INLINE void spread(T* plane, int y, int x, T value) const {
    for (int at = x; at < stride; at += tile.width) plane[(size_t)y * stride + at] = value;
  }

  /** A step of an image's own plane: the variances, whose parameters it writes for the pairs. */
  struct ImageStep {
    const Cnn& cnn;
    Real* table;
    int l;
    void begin(int layer) { l = layer; }
    TESSERA_INLINE void layer(typename D::V q, typename D::V theta, int y, int x, typename D::V& value, typename D::V& tangent) {
      typename D::V slope;
      cnn.imagewise.image(q, value, slope);
      tangent = slope * theta;
      int here = smaller(D::lanes, cnn.tile.width - x);
      cnn.imagewise.describe(q, [&](int p, typename D::V v) {
        Real* plane = table + ((size_t)l * parameters + p) * cnn.pixels;
        for (int i = 0; i < here; i++) cnn.spread(plane, y, x + i, Real(v[i]));
      });
    }
  };

  /** A step of a pair's plane with displacement (dy, dx). */
  struct PairStep {
    const Cnn& cnn;
    const Real *tableA, *tableB;
    int dy, dx;
    const Real *a, *b;
    void begin(int l) {
      a = tableA + (size_t)l * parameters * cnn.pixels;
      b = tableB + (size_t)l * parameters * cnn.pixels + dx;
    }
    TESSERA_INLINE int partnerRow(int y) const { return y + dy < cnn.tile.height ? y + dy : y + dy - cnn.tile.height; }
    TESSERA_INLINE void layer(V k, V theta, int y, int x, V& value, V& tangent) {
      const Real *atA = a + (size_t)y * cnn.stride + x, *atB = b + (size_t)partnerRow(y) * cnn.stride + x;
      const size_t pixels = cnn.pixels;
      V slope;
      cnn.pairwise.pair(k, [=](int p) { return S::load(atA + p * pixels); }, [=](int p) { return S::load(atB + p * pixels); }, value, slope);
      tangent = slope * theta;
    }
  };

  /** Fills `prepared` for the images first.. of a block; false when cancelled. */
  bool prepare(Prepared& prepared, const double* images, int count, Plane<double>& plane) const {
    const int channels = tile.channels;
    for (int i = 0; i < count; i++) {
      Real* planes = prepared.numbers + i * imageNumbers();
      const double* image = images + (size_t)i * tile.height * tile.width * channels;
      for (int y = 0; y < tile.height; y++) {
        for (int x = 0; x < tile.width; x++) {
          double q = 0;
          for (int c = 0; c < channels; c++) {
            double v = image[((size_t)y * tile.width + x) * channels + c];
            q = __builtin_fma(v, v, q);
            spread(planes + c * pixels, y, x, Real(v));
          }
          plane.k[(size_t)y * imageShape.stride + x] = q / channels;
        }
      }
      ImageStep step{*this, planes + channels * pixels, 0};
      double* sums = prepared.sums + (size_t)i * 2 * tile.depths.count;
      plane.filter.cut(0, 0);
      if (!plane.run(step, tile.depths, tile.network.biasVariance, tile.cancel, sums, sums + tile.depths.count)) return false;
    }
    return true;
  }

  /** K0(p, p + s): the mean over channels of a(p) b(p + s). */
  void readIn(Plane<Real>& plane, const Real* a, const Real* b, int dy, int dx) const {
    for (int y = 0; y < tile.height; y++) {
      int partner = y + dy < tile.height ? y + dy : y + dy - tile.height;
      for (int x = 0; x < pairShape.stride; x += S::lanes) {
        V sum{};
        for (int c = 0; c < tile.channels; c++) {
          const Real *atA = a + c * pixels + (size_t)y * stride + x, *atB = b + c * pixels + (size_t)partner * stride + x + dx;
          sum = S::fma(S::load(atA), S::load(atB), sum);
        }
        S::store(plane.k + (size_t)y * pairShape.stride + x, sum / Real(tile.channels));
      }
    }
  }

  /** Adds the sums over the planes of a pair; `same` leaves out s = 0 and takes s and -s, transposes of each other, at once. */
  bool sumPlanes(const Real* a, const Real* b, bool same, Plane<Real>& plane, double* sums, double* total) const {
    const int depths = tile.depths.count;
    for (int dy = 0; dy < (tile.pooled ? tile.height : 1); dy++) {
      for (int dx = 0; dx < (tile.pooled ? tile.width : 1); dx++) {
        double weight = 1;
        if (same) {
          int mirrored = (tile.height - dy) % tile.height * tile.width + (tile.width - dx) % tile.width, own = dy * tile.width + dx;
          if (own == 0 || own > mirrored) continue;
          weight = own == mirrored ? 1 : 2;
        }
        if (!tile.circular) plane.filter.cut(dy, dx);
        readIn(plane, a, b, dy, dx);
        PairStep step{*this, a + tile.channels * pixels, b + tile.channels * pixels, dy, dx, nullptr, nullptr};
        if (!plane.run(step, tile.depths, tile.network.biasVariance, tile.cancel, sums, sums + depths)) return false;
        for (int d = 0; d < 2 * depths; d++) total[d] += weight * sums[d];
      }
    }
    return true;
  }

  void write(int row, int col, const double* total) const {
    double pixelCount = (double)tile.height * tile.width, count = tile.pooled ? pixelCount * pixelCount : pixelCount;
    for (int d = 0; d < tile.depths.count; d++) {
      double nngp = tile.network.weightVariance * (total[d] / count) + tile.network.biasVariance;
      double ntk = nngp + tile.network.weightVariance * (total[tile.depths.count + d] / count);
      size_t at = ((size_t)tile.depths.position[d] * tile.rowCount + row) * tile.colCount + col;
      if (tile.nngp) ((Real*)tile.nngp)[at] = Real(nngp);
      if (tile.ntk) ((Real*)tile.ntk)[at] = Real(ntk);
    }
  }

  /** One unit: a block of row images against a block of column images. */
  int runBlock(int firstRow, int firstCol) const {
    const bool diagonal = tile.symmetric && firstRow == firstCol;
    const int rows = smaller(side, tile.rowCount - firstRow), cols = smaller(side, tile.colCount - firstCol);
    const size_t size = (size_t)tile.height * tile.width * tile.channels;
    const int depths = tile.depths.count;
    Plane<double> imagePlane(imageShape);
    Plane<Real> plane(pairShape);
    Buffer<double> sums(2 * depths), total(2 * depths);
    Prepared a(*this, rows), b(*this, diagonal ? 0 : cols);
    if (imagePlane.missing() || plane.missing() || sums.missing() || total.missing() || a.missing() || b.missing()) return OUT_OF_MEMORY;
    if (!prepare(a, tile.rowImages + firstRow * size, rows, imagePlane)) return CANCELLED;
    if (!diagonal && !prepare(b, tile.colImages + firstCol * size, cols, imagePlane)) return CANCELLED;
    plane.filter.cut(0, 0);
    for (int i = 0; i < rows; i++) {
      for (int j = diagonal ? i : 0; j < cols; j++) {
        const bool same = diagonal && i == j;
        const Real *imageA = a.numbers + i * imageNumbers(), *imageB = (diagonal ? a.numbers : b.numbers) + j * imageNumbers();
        for (int d = 0; d < 2 * depths; d++) total[d] = same ? a.sums[(size_t)i * 2 * depths + d] : 0;
        if (!same || tile.pooled) {
          if (!sumPlanes(imageA, imageB, same, plane, sums, total)) return CANCELLED;
        }
        write(firstRow + i, firstCol + j, total);
        if (tile.symmetric && !same) write(firstCol + j, firstRow + i, total);
      }
    }
    return DONE;
  }

  /** Units in rows of blocks; those below the diagonal of a symmetric tile have nothing to do. */
  static int unitOf(const void* self, int unit) {
    const Cnn& cnn = *(const Cnn*)self;
    int blocksAcross = (cnn.tile.colCount + cnn.side - 1) / cnn.side;
    int row = unit / blocksAcross, col = unit % blocksAcross;
    return cnn.tile.symmetric && col < row ? DONE : cnn.runBlock(row * cnn.side, col * cnn.side);
  }

  int run() const {
    int blocksAcross = (tile.colCount + side - 1) / side, blocksDown = (tile.rowCount + side - 1) / side;
    return runUnits(unitOf, this, blocksAcross * blocksDown, tile.threads);
  }
};

template <class Real> int cnnOf(const CnnTile& tile) {
  if (tile.filterSize > MOST_FILTER || tile.filterSize > smaller(tile.height, tile.width)) return BAD_ARGUMENT;
  switch (tile.network.activation) {
    case IDENTITY: return Cnn<Real, Identity>(tile).run();
    case ABRELU: return Cnn<Real, Abrelu>(tile).run();
    case ERF: return Cnn<Real, Erf>(tile).run();
    case GELU: return Cnn<Real, Gelu>(tile).run();
    case SIN: return Cnn<Real, Sin>(tile).run();
    case RBF: return Cnn<Real, Rbf>(tile).run();
    default: return BAD_ARGUMENT;
  }
}

}  // namespace TESSERA_ISA
