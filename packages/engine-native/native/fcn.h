// The recursion of a fully connected network: K <- sw2 T(K) + sb2, Theta <- K_new + sw2 T'(K_old) Theta, entry by entry.
// A block of a row image and `width` column images stays in registers through all layers and is stored at each depth
// asked for. Plain form: a pair's state is (K, Theta) and an image's is q.
#pragma once
#include "buffer.h"
#include "tanh.h"

namespace TESSERA_ISA {

template <class RealType, template <class> class ActivationOf> struct Fcn {
  typedef RealType Real;
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef Simd<double> D;
  typedef ActivationOf<S> Activation;
  static const int parameters = Activation::parameters;
  /** Vectors in flight: the chain of one layer is long (root, division, polynomial), four of them hide each other. */
  static const int unroll = 4;
  static const int width = unroll * S::lanes;
  static const int mostRows = 128;
  static const size_t tableBytes = 32 << 20;

  const FcnTile& tile;
  const Activation pairwise;
  const ActivationOf<D> imagewise;
  const int layers;
  int rowsPerUnit;

  explicit Fcn(const FcnTile& t)
      : tile(t), pairwise(t.network, t.network.weightVariance), imagewise(t.network, t.network.weightVariance),
        layers(t.depths.depth[t.depths.count - 1]) {
    size_t bytesPerRow = sizeof(Real) * larger(1, layers * larger(1, parameters));
    rowsPerUnit = larger(1, smaller(mostRows, (int)(tableBytes / bytesPerRow)));
    if (tile.threads > 1) rowsPerUnit = larger(1, smaller(rowsPerUnit, roundUp(tile.rowCount, 2 * tile.threads) / (2 * tile.threads)));
  }

  /**
   * Runs the variances of `count` images through all layers. store(layer, parameter, image, value) takes their
   * parameters, readOut(depth, image, q, theta) the diagonal of K and Theta.
   */
  template <class Store, class ReadOut> void describeImages(const double* variance, int count, Store store, ReadOut readOut) const {
    for (int first = 0; first < count; first += D::lanes) {
      int here = smaller(D::lanes, count - first);
      typename D::V q{}, value, slope;
      for (int i = 0; i < here; i++) q[i] = variance[first + i];
      typename D::V theta = q;
      for (int l = 0;; l++) {
        for (int i = 0; i < here; i++) readOut(l, first + i, q[i], theta[i]);
        if (l == layers) break;
        imagewise.describe(q, [&](int p, typename D::V v) {
          for (int i = 0; i < here; i++) store(l, p, first + i, Real(v[i]));
        });
        imagewise.image(q, value, slope);
        q = value + tile.network.biasVariance;
        theta = D::fma(slope, theta, q);
      }
    }
  }

  size_t outputIndex(int depth, int row, int col) const {
    return ((size_t)tile.depths.position[depth] * tile.rowCount + row) * tile.colCount + col;
  }

  /** U vectors of column images from `col` on, against one row image. */
  template <int U> void runBlock(int row, int col, const Real* rowTable, const Real* colTable) const {
    Real start[width];
    int valid = smaller(U * S::lanes, tile.colCount - col);
    for (int j = 0; j < U * S::lanes; j++) start[j] = j < valid ? Real(tile.covariance[(size_t)row * tile.colCount + col + j]) : Real(0);
    V bias = S::all(Real(tile.network.biasVariance)), k[U], theta[U];
    for (int u = 0; u < U; u++) k[u] = theta[u] = S::load(start + u * S::lanes);
    for (int d = 0, l = 0; d < tile.depths.count; d++) {
      for (; l < tile.depths.depth[d]; l++) {
        const Real *a = rowTable + (size_t)l * parameters, *b = colTable + (size_t)l * parameters * width;
#pragma GCC unroll 4
        for (int u = 0; u < U; u++) {
          V value, slope;
          pairwise.pair(k[u], [=](int p) { return S::all(a[p]); }, [=](int p) { return S::load(b + p * width + u * S::lanes); }, value, slope);
          k[u] = value + bias;
          theta[u] = S::fma(slope, theta[u], k[u]);
        }
      }
      size_t at = outputIndex(d, row, col);
      if (tile.nngp) storeVectors<U>((Real*)tile.nngp + at, k, valid);
      if (tile.ntk) storeVectors<U>((Real*)tile.ntk + at, theta, valid);
    }
  }

  template <int U> static TESSERA_INLINE void storeVectors(Real* out, const V* v, int valid) {
    Real whole[U * S::lanes];
    Real* target = valid == U * S::lanes ? out : whole;
    for (int u = 0; u < U; u++) S::store(target + u * S::lanes, v[u]);
    if (target == whole) memcpy(out, whole, valid * sizeof(Real));
  }

  /** One unit: a group of rows against all columns (those on or above the diagonal where the tile is symmetric). */
  int runRows(int unit) const {
    int firstRow = unit * rowsPerUnit, rows = smaller(rowsPerUnit, tile.rowCount - firstRow);
    Buffer<Real> rowTable((size_t)rows * layers * parameters), colTable((size_t)layers * parameters * width);
    if (rowTable.missing() || colTable.missing()) return OUT_OF_MEMORY;
    describeImages(
        tile.rowVariance + firstRow, rows,
        [&](int l, int p, int i, Real v) { rowTable[((size_t)i * layers + l) * parameters + p] = v; }, [](int, int, double, double) {});
    for (int col = tile.symmetric ? firstRow / width * width : 0; col < tile.colCount; col += width) {
      int cols = smaller(width, tile.colCount - col);
      describeImages(
          tile.colVariance + col, cols, [&](int l, int p, int i, Real v) { colTable[((size_t)l * parameters + p) * width + i] = v; },
          [](int, int, double, double) {});
      for (int i = 0; i < rows; i++) {
        if (tile.symmetric && firstRow + i >= col + cols) break;
        if (*tile.cancel) return CANCELLED;
        const Real* table = rowTable + (size_t)i * layers * parameters;
        if (cols <= S::lanes) runBlock<1>(firstRow + i, col, table, colTable);
        else runBlock<unroll>(firstRow + i, col, table, colTable);
      }
    }
    return DONE;
  }

  /** Image i with itself: its covariance is its variance, so nothing of the pair recursion is used. */
  void writeDiagonal() const {
    int d = 0;
    describeImages(
        tile.rowVariance, tile.rowCount, [](int, int, int, Real) {},
        [&](int l, int i, double q, double theta) {
          if (l == 0) d = 0;
          while (d < tile.depths.count && tile.depths.depth[d] < l) d++;
          if (d == tile.depths.count || tile.depths.depth[d] != l) return;
          size_t at = outputIndex(d, i, i);
          if (tile.nngp) ((Real*)tile.nngp)[at] = Real(q);
          if (tile.ntk) ((Real*)tile.ntk)[at] = Real(theta);
        });
  }

  void mirror(void* output) const {
    if (!output) return;
    const int n = tile.rowCount, side = 32;
    for (int d = 0; d < tile.depths.count; d++) {
      Real* m = (Real*)output + (size_t)d * n * n;
      for (int top = 0; top < n; top += side) {
        for (int left = 0; left <= top; left += side) {
          for (int i = top; i < smaller(top + side, n); i++) {
            for (int j = left; j < smaller(left + side, i); j++) m[(size_t)i * n + j] = m[(size_t)j * n + i];
          }
        }
      }
    }
  }

  static int unitOf(const void* self, int unit) { return ((const Fcn*)self)->runRows(unit); }

  int run() const {
    int outcome = runUnits(unitOf, this, (tile.rowCount + rowsPerUnit - 1) / rowsPerUnit, tile.threads);
    if (outcome != DONE || !tile.symmetric) return outcome;
    writeDiagonal();
    mirror(tile.nngp);
    mirror(tile.ntk);
    return DONE;
  }
};

template <class Real> int fcnOf(const FcnTile& tile) {
  switch (tile.network.activation) {
    case IDENTITY: return Fcn<Real, Identity>(tile).run();
    case ABRELU: return Fcn<Real, Abrelu>(tile).run();
    case ERF: return Fcn<Real, Erf>(tile).run();
    case GELU: return Fcn<Real, Gelu>(tile).run();
    case SIN: return Fcn<Real, Sin>(tile).run();
    case RBF: return Fcn<Real, Rbf>(tile).run();
    case TANH: {
      Buffer<TanhTable> table(1);
      if (table.missing()) return OUT_OF_MEMORY;
      ((TanhTable*)table)->fill();
      FcnTile withTable = tile;
      withTable.network.table = (TanhTable*)table;
      return Fcn<Real, Tanh>(withTable).run();
    }
    default: return BAD_ARGUMENT;
  }
}

}  // namespace TESSERA_ISA
