// The recursion of a fully connected network in complement form, entry by entry:
//   delta <- sw2 delta_T,
//   Delta <- delta_new + sw2 [T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
//   Theta <- K_new + sw2 T' Theta, K = (q_a + q_b)/2 - delta.
// Theta has a recursion of its own because in the chaotic phase Delta swamps it. A block of two row images and
// `width` column images stays in registers through all layers and is stored at each depth asked for.
#pragma once
#include "buffer.h"
#include "tanh.h"

namespace TESSERA_ISA {

/** What a pair reads of an image in one layer: the activation's parameters, then these. */
enum ImageNumber { HALF_VARIANCE, HALF_THETA, THETA_DEVIATION, QUARTER_SLOPE_DEVIATION, IMAGE_NUMBERS };

/** The state of the pairs of two row images and `width` column images, and one layer of it. */
template <class Real, template <class> class ActivationOf> struct PairVectors {
  typedef Simd<Real> S;
  /** Two rows share what is loaded of the columns, and their tables stay in the first-level cache for some 30 layers. */
  static const int rows = 2, together = 2, width = together * S::lanes;
  typedef Pack<S, together> G;
  typedef typename G::V V;
  typedef ActivationOf<G> Activation;
  V delta[rows], tangent[rows], theta[rows];

  /**
   * Theta, Delta: which of the two is carried. Level: all images have one variance and b is never called.
   * a(p, row), b(p): parameters; nextA, nextB: the next layer's.
   */
  template <bool Level, bool Theta, bool Delta, class A, class B, class NextA, class NextB>
  TESSERA_INLINE void layer(const Activation& activation, A a, B b, NextA nextA, NextB nextB) {
    const int extra = Activation::parameters;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      V slope, slopeComplement, value;
      auto own = [=](int p) { return a(p, r); };
      auto other = [=](int p) { return Level ? a(p, r) : b(p); };
      activation.template pair<Level>(delta[r], own, other, value, slope, slopeComplement);
      delta[r] = value;
      if (Delta) {
        V sum = G::fma(slope, tangent[r], value);
        sum = G::fma(slopeComplement, own(extra + HALF_THETA) + other(extra + HALF_THETA), sum);
        if (!Level && !Activation::levelSlopes) {
          V apart = own(extra + THETA_DEVIATION) - other(extra + THETA_DEVIATION);
          sum = G::fma(own(extra + QUARTER_SLOPE_DEVIATION) - other(extra + QUARTER_SLOPE_DEVIATION), apart, sum);
        }
        tangent[r] = sum;
      }
      if (Theta) {
        V half = nextA(extra + HALF_VARIANCE, r), mean = half + (Level ? half : nextB(extra + HALF_VARIANCE));
        theta[r] = G::fma(slope, theta[r], mean - value);
      }
    }
  }
};

template <class RealType, template <class> class ActivationOf> struct Fcn {
  typedef RealType Real;
  typedef PairVectors<Real, ActivationOf> Pairs;
  typedef typename Pairs::G G;
  typedef typename Pairs::V V;
  typedef Simd<double> D;
  typedef typename D::V DV;
  typedef typename Pairs::Activation Activation;
  static const int parameters = Activation::parameters + IMAGE_NUMBERS;
  static const int width = Pairs::width, together = Pairs::rows;
  /** Rows that are mirrored together: a vector of them. */
  static const int mirrorSide = Simd<Real>::lanes > together ? Simd<Real>::lanes : together;
  static const int mostRows = 64;
  static const size_t tableBytes = 32 << 20;

  const FcnTile& tile;
  const Activation pairwise;
  const ActivationOf<D> imagewise;
  const int layers;
  /** All variances of the tile are one number. */
  const bool level;
  /** Numbers of one image, or of one column block's lane, through all layers. */
  const size_t imageNumbers;
  /** The arrays asked for, null where not. */
  void* const outputs[4];
  int rowsPerUnit, panelCols;

  explicit Fcn(const FcnTile& t)
      : tile(t), pairwise(t.network, t.network.weightVariance), imagewise(t.network, t.network.weightVariance),
        layers(t.depths.depth[t.depths.count - 1]), level(isLevel(t)), imageNumbers((size_t)(layers + 1) * parameters),
        outputs{t.nngp.matrix, t.nngp.complement, t.ntk.matrix, t.ntk.complement} {
    size_t images = tableBytes / (imageNumbers * sizeof(Real));
    rowsPerUnit = larger(1, (int)(images < (size_t)mostRows ? images : mostRows));
    if (t.threads > 1) rowsPerUnit = larger(1, smaller(rowsPerUnit, roundUp(t.rowCount, 2 * t.threads) / (2 * t.threads)));
    if (rowsPerUnit > mirrorSide) rowsPerUnit = rowsPerUnit / mirrorSide * mirrorSide;
    int all = roundUp(t.colCount, width);
    panelCols = larger(width, images < (size_t)all ? (int)images / width * width : all);
  }

  static bool isLevel(const FcnTile& t) {
    for (int i = 0; i < t.rowCount; i++) {
      if (t.rowVariance[i] != t.rowVariance[0]) return false;
    }
    for (int j = 0; j < t.colCount; j++) {
      if (t.colVariance[j] != t.rowVariance[0]) return false;
    }
    return true;
  }

  /**
   * Runs the variances of `count` images through all layers. store(layer, parameter, image, value) takes what pairs read
   * of them, readOut(depth, image, lanes, variance, theta) both deviations (and, in .value of each, the references).
   */
  struct Spread {
    DV reference, deviation;
  };
  template <class Store, class ReadOut> void describeImages(const double* variance, int count, Store store, ReadOut readOut) const {
    const int extra = Activation::parameters;
    for (int first = 0; first < count; first += D::lanes) {
      int here = smaller(D::lanes, count - first);
      Spread q = {D::all(tile.referenceVariance), DV{}}, theta;
      for (int i = 0; i < D::lanes; i++) q.deviation[i] = variance[first + smaller(i, here - 1)] - tile.referenceVariance;
      theta = q;
      for (int l = 0, d = 0;; l++) {
        auto keep = [&](int p, DV v) {
          for (int i = 0; i < here; i++) store(l, p, first + i, Real(v[i]));
        };
        keep(extra + HALF_VARIANCE, (q.reference + q.deviation) * 0.5);
        if (d < tile.depths.count && tile.depths.depth[d] == l) readOut(tile.depths.position[d++], first, here, q, theta);
        if (l == layers) break;
        ImageDual<DV> dual = imagewise.image(q.reference, q.deviation, keep);
        DV whole = theta.reference + theta.deviation;
        keep(extra + HALF_THETA, whole * 0.5);
        keep(extra + THETA_DEVIATION, theta.deviation);
        keep(extra + QUARTER_SLOPE_DEVIATION, dual.slopeDeviation * 0.25);
        q.reference = dual.value + tile.network.biasVariance;
        q.deviation = dual.valueDeviation;
        theta.deviation = q.deviation + D::fma(dual.slope, theta.deviation, dual.slopeDeviation * whole);
        theta.reference = D::fma(dual.slope, theta.reference, q.reference);
      }
    }
  }

  /** Takes the variances of images into a tile's vectors of deviations, of rows or of columns. */
  static void putDeviations(double* deviations, int position, int count, int first, int here, DV values) {
    for (int i = 0; i < here; i++) deviations[(size_t)position * count + first + i] = values[i];
  }

  size_t outputIndex(int depth, int row, int col) const {
    return ((size_t)tile.depths.position[depth] * tile.rowCount + row) * tile.colCount + col;
  }

  /**
   * `width` column images from `col` on, against `together` row images of which `rows` are stored; the first `skipped`
   * columns are not.
   */
  template <bool Level, bool Theta, bool Delta> void runBlock(int row, int rows, int col, int skipped, const Real* rowTable, const Real* colTable) const {
    Pairs pairs;
    const int valid = smaller(width, tile.colCount - col), half = Activation::parameters + HALF_VARIANCE;
    const size_t rowNumbers = rows > 1 ? imageNumbers : 0;
    const Real *a = rowTable, *b = colTable;
    auto ofRow = [=](const Real* at) { return [=](int p, int r) { return G::all(at[r * rowNumbers + p]); }; };
    auto ofCol = [](const Real* at) { return [=](int p) { return G::load(at + p * width); }; };
    auto variance = [&](int r) { return ofRow(a)(half, r) + (Level ? ofRow(a)(half, r) : ofCol(b)(half)); };
    for (int r = 0; r < together; r++) {
      Real start[width];
      const double* from = tile.complement + (size_t)(row + smaller(r, rows - 1)) * tile.colCount + col;
      for (int j = 0; j < width; j++) start[j] = j < valid ? Real(from[j]) : Real(0);
      pairs.delta[r] = pairs.tangent[r] = G::load(start);
      pairs.theta[r] = variance(r) - pairs.delta[r];
    }
    prefetchOutputs(0, row, rows, col);
    for (int r = 0; r < rows; r++) prefetch(tile.complement + (size_t)(row + rows + r) * tile.colCount + col, width);
    for (int d = 0, l = 0; d < tile.depths.count; d++) {
      for (; l < tile.depths.depth[d]; l++) {
        const Real *nextA = a + parameters, *nextB = b + parameters * width;
        pairs.template layer<Level, Theta, Delta>(pairwise, ofRow(a), ofCol(b), ofRow(nextA), ofCol(nextB));
        a = nextA;
        b = nextB;
      }
      if (d + 1 < tile.depths.count) prefetchOutputs(d + 1, row, rows, col);
      for (int r = 0; r < rows; r++) {
        const size_t at = outputIndex(d, row + r, col);
        if (tile.nngp.matrix) storeVectors(tile.nngp.matrix, at, variance(r) - pairs.delta[r], skipped, valid);
        if (tile.nngp.complement) storeVectors(tile.nngp.complement, at, pairs.delta[r], skipped, valid);
        if (Theta && tile.ntk.matrix) storeVectors(tile.ntk.matrix, at, pairs.theta[r], skipped, valid);
        if (Delta && tile.ntk.complement) storeVectors(tile.ntk.complement, at, pairs.tangent[r], skipped, valid);
      }
    }
  }

  /** Lines that are written or read some hundred nanoseconds later. */
  template <class T> static TESSERA_INLINE void prefetch(T* from, int count, bool toWrite = false) {
    const char *at = (const char*)from, *last = (const char*)(from + count) - 1;
    for (; at < last; at += 64) toWrite ? __builtin_prefetch(at, 1) : __builtin_prefetch(at);
    toWrite ? __builtin_prefetch(last, 1) : __builtin_prefetch(last);
  }
  /** What a block stores at a depth, and its share of what mirror() does. */
  TESSERA_INLINE void prefetchOutputs(int d, int row, int rows, int col) const {
    const int share = width / (mirrorSide / together), part = (row % mirrorSide) / together * share, side = row / mirrorSide * mirrorSide;
    for (void* output : outputs) {
      if (!output) continue;
      for (int r = 0; r < rows; r++) prefetch((Real*)output + outputIndex(d, row + r, col), width, true);
      if (!tile.symmetric) continue;
      for (int j = col + part; j < smaller(col + part + share, tile.colCount); j++) prefetch((Real*)output + outputIndex(d, j, side), mirrorSide, true);
    }
  }

  static TESSERA_INLINE void storeVectors(void* output, size_t at, const V& v, int skipped, int valid) {
    Real *out = (Real*)output + at, whole[width];
    if (valid - skipped == width) return G::store(out, v);
    G::store(whole, v);
    memcpy(out + skipped, whole + skipped, (valid - skipped) * sizeof(Real));
  }

  typedef void (Fcn::*Block)(int, int, int, int, const Real*, const Real*) const;
  Block block() const {
    const bool theta = tile.ntk.matrix, delta = tile.ntk.complement;
    if (level) return &Fcn::runBlock<true, true, true>;
    return theta ? (delta ? &Fcn::runBlock<false, true, true> : &Fcn::runBlock<false, true, false>) : &Fcn::runBlock<false, false, true>;
  }

  /** A panel of columns: their tables, (blocks, layers, parameters, width), shared by all threads. */
  struct Panel {
    const Fcn& fcn;
    int first, count;
    Real* table;
  };

  static int describePanel(const void* context, int block) {
    const Panel& panel = *(const Panel*)context;
    const Fcn& fcn = panel.fcn;
    int first = block * width, count = smaller(width, panel.count - first);
    Real* table = panel.table + (size_t)block * fcn.imageNumbers * width;
    fcn.describeImages(
        fcn.tile.colVariance + panel.first + first, count, [=](int l, int p, int i, Real v) { table[((size_t)l * parameters + p) * width + i] = v; },
        [&](int position, int at, int here, const Spread& q, const Spread& theta) {
          const KindOutput &nngp = fcn.tile.nngp, &ntk = fcn.tile.ntk;
          int col = panel.first + first + at;
          if (nngp.wanted()) putDeviations(nngp.colDeviations, position, fcn.tile.colCount, col, here, q.deviation);
          if (ntk.wanted()) putDeviations(ntk.colDeviations, position, fcn.tile.colCount, col, here, theta.deviation);
        });
    return DONE;
  }

  /** One unit: a group of rows against the panel's columns (those from the group's own on where the tile is symmetric). */
  static int runRows(const void* context, int unit) {
    const Panel& panel = *(const Panel*)context;
    const Fcn& fcn = panel.fcn;
    const FcnTile& tile = fcn.tile;
    const int firstRow = unit * fcn.rowsPerUnit, rows = smaller(fcn.rowsPerUnit, tile.rowCount - firstRow);
    if (tile.symmetric && firstRow >= panel.first + panel.count) return DONE;
    Buffer<Real> rowTable(rows * fcn.imageNumbers);
    if (rowTable.missing()) return OUT_OF_MEMORY;
    fcn.describeImages(
        tile.rowVariance + firstRow, rows, [&](int l, int p, int i, Real v) { rowTable[i * fcn.imageNumbers + (size_t)l * parameters + p] = v; },
        [&](int position, int at, int here, const Spread& q, const Spread& theta) {
          if (tile.nngp.wanted()) putDeviations(tile.nngp.rowDeviations, position, tile.rowCount, firstRow + at, here, q.deviation);
          if (tile.ntk.wanted()) putDeviations(tile.ntk.rowDeviations, position, tile.rowCount, firstRow + at, here, theta.deviation);
          if (firstRow + at > 0) return;
          if (tile.nngp.wanted()) tile.nngp.reference[position] = q.reference[0];
          if (tile.ntk.wanted()) tile.ntk.reference[position] = theta.reference[0];
        });
    const Block block = fcn.block();
    int start = tile.symmetric && firstRow > panel.first ? (firstRow - panel.first) / width * width : 0;
    for (int col = start; col < panel.count; col += width) {
      const int firstCol = panel.first + col, cols = smaller(width, panel.count - col);
      const int end = tile.symmetric ? smaller(rows, firstCol + cols - firstRow) : rows;
      for (int i = 0; i < end; i += together) {
        if (*tile.cancel) return CANCELLED;
        // What rows above have mirrored here stays: below the diagonal the read-in has no entries.
        const int done = smaller(i + together, rows), top = i / mirrorSide * mirrorSide, skipped = tile.symmetric ? larger(0, firstRow + top - firstCol) : 0;
        (fcn.*block)(firstRow + i, done - i, firstCol, skipped, rowTable + i * fcn.imageNumbers, panel.table + col * fcn.imageNumbers);
        if (tile.symmetric && (done == top + mirrorSide || i + together >= end)) fcn.mirror(firstRow + top, done - top, firstCol, cols);
      }
    }
    return DONE;
  }

  /** Copies entries above the diagonal below it while they are in the cache: whole lines where the block has them. */
  void mirror(int firstRow, int rows, int firstCol, int cols) const {
    typedef Simd<Real> S;
    const size_t n = tile.colCount;
    const bool whole = rows == mirrorSide && cols == width && firstCol >= firstRow + rows;
    for (void* output : outputs) {
      if (!output) continue;
      for (int d = 0; d < tile.depths.count; d++) {
        Real* m = (Real*)output + tile.depths.position[d] * n * n;
        if (whole) {
          for (int j = firstCol; j < firstCol + width; j += S::lanes) transpose<S>(m + firstRow * n + j, m + j * n + firstRow, n);
          continue;
        }
        for (int j = larger(firstCol, firstRow + 1); j < firstCol + cols; j++) {
          for (int i = firstRow; i < smaller(firstRow + rows, j); i++) m[j * n + i] = m[i * n + j];
        }
      }
    }
  }

  /** Theta of an image with itself is its own recursion's, not the pair's. */
  void writeDiagonal() const {
    if (!tile.ntk.matrix) return;
    for (int d = 0; d < tile.depths.count; d++) {
      const int position = tile.depths.position[d];
      for (int i = 0; i < tile.rowCount; i++) {
        double theta = tile.ntk.reference[position] + tile.ntk.rowDeviations[(size_t)position * tile.rowCount + i];
        ((Real*)tile.ntk.matrix)[outputIndex(d, i, i)] = Real(theta);
      }
    }
  }

  int run() const {
    Buffer<Real> table(panelCols * imageNumbers);
    if (table.missing()) return OUT_OF_MEMORY;
    for (int first = 0; first < tile.colCount; first += panelCols) {
      Panel panel = {*this, first, smaller(panelCols, tile.colCount - first), table};
      int outcome = runUnits(describePanel, &panel, (panel.count + width - 1) / width, tile.threads);
      if (outcome == DONE) outcome = runUnits(runRows, &panel, (tile.rowCount + rowsPerUnit - 1) / rowsPerUnit, tile.threads);
      if (outcome != DONE) return outcome;
    }
    if (tile.symmetric) writeDiagonal();
    return DONE;
  }
};

/** The layers of `runBlock` on parameters that stay the same: nothing is loaded or stored but what the registers do not hold. */
template <class Real, template <class> class ActivationOf> struct Registers {
  typedef PairVectors<Real, ActivationOf> Pairs;
  typedef typename Pairs::G G;
  typedef Simd<double> D;
  typedef typename Pairs::Activation Activation;
  static const int parameters = Activation::parameters + IMAGE_NUMBERS;

  static TESSERA_INLINE void start(Pairs& pairs) {
    for (int r = 0; r < Pairs::rows; r++) {
      Real first[Pairs::width];
      for (int i = 0; i < Pairs::width; i++) first[i] = Real(0.25 + r / 16.0 + i / 1024.0);
      pairs.delta[r] = pairs.tangent[r] = pairs.theta[r] = G::load(first);
    }
  }

  template <bool Level, bool Theta> static void go(const RegisterTask& task) {
    typedef Simd<Real> S;
    Activation activation(task.network, task.network.weightVariance);
    ActivationOf<D> imagewise(task.network, task.network.weightVariance);
    typename S::V numbers[2][parameters];
    for (int i = 0; i < 2; i++) {
      const double deviation = task.level ? 0.0 : 0.0625 * i, values[] = {0.25 + deviation / 2, 0.5 + deviation, deviation, -deviation / 64};
      imagewise.image(D::all(0.5), D::all(deviation), [&](int p, typename D::V v) { numbers[i][p] = S::all(Real(v[0])); });
      for (int p = 0; p < IMAGE_NUMBERS; p++) numbers[i][Activation::parameters + p] = S::all(Real(values[p]));
    }
    Pairs pairs;
    for (int l = 0; l < task.layers; l++) {
      // As deep as the numbers are ordinary: CPUs take a hundred times as long for those below the smallest normal one.
      if (l % 32 == 0) start(pairs);
      // The parameters are new in every layer as far as the compiler knows.
      __asm__ volatile("" : : "r"(numbers) : "memory");
      auto a = [&](int p, int) { return G::same(numbers[0][p]); };
      auto b = [&](int p) { return G::same(numbers[1][p]); };
      pairs.template layer<Level, Theta, true>(activation, a, b, a, b);
    }
    *task.sink = 0;
    for (int r = 0; r < Pairs::rows; r++) {
      Real end[Pairs::width];
      G::store(end, pairs.delta[r] + pairs.tangent[r] + pairs.theta[r]);
      for (int i = 0; i < Pairs::width; i++) *task.sink += end[i];
    }
  }
  static int run(const RegisterTask& task) {
    if (task.level) task.theta ? go<true, true>(task) : go<true, false>(task);
    else task.theta ? go<false, true>(task) : go<false, false>(task);
    return Pairs::rows * Pairs::width;
  }
};

/** Calls Run<Real, the activation>::of(task). */
template <class Real, template <class, template <class> class> class Run, class Task> int withActivation(const Task& task) {
  switch (task.network.activation) {
    case IDENTITY: return Run<Real, Identity>::of(task);
    case ABRELU: return Run<Real, Abrelu>::of(task);
    case ERF: return Run<Real, Erf>::of(task);
    case GELU: return Run<Real, Gelu>::of(task);
    case SIN: return Run<Real, Sin>::of(task);
    case RBF: return Run<Real, Rbf>::of(task);
    default: return BAD_ARGUMENT;
  }
}

template <class Real, template <class> class ActivationOf> struct FcnRun {
  static int of(const FcnTile& tile) { return Fcn<Real, ActivationOf>(tile).run(); }
};
template <class Real, template <class> class ActivationOf> struct RegistersRun {
  static int of(const RegisterTask& task) { return Registers<Real, ActivationOf>::run(task); }
};

template <class Real> int fcnOf(const FcnTile& tile) {
  if (tile.network.activation != TANH) return withActivation<Real, FcnRun>(tile);
  Buffer<TanhTable> table(1);
  if (table.missing()) return OUT_OF_MEMORY;
  ((TanhTable*)table)->fill();
  FcnTile withTable = tile;
  withTable.network.table = (TanhTable*)table;
  return Fcn<Real, Tanh>(withTable).run();
}

template <class Real> int registersOf(const RegisterTask& task) { return withActivation<Real, RegistersRun>(task); }

}  // namespace TESSERA_ISA
