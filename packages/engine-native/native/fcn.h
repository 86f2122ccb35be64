// The recursion of a fully connected network in complement form, entry by entry:
//   delta <- sw2 delta_T,
//   Delta <- delta_new + sw2 [T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
//   Theta <- K_new + sw2 T' Theta, K = (q_a + q_b)/2 - delta.
// Theta has a recursion of its own because in the chaotic phase Delta swamps it. A block of a few row images and one or
// two vectors of column images stays in registers through all layers and is stored at each depth asked for.
#pragma once
#include <sched.h>
#include "buffer.h"
#include "tanh.h"

namespace TESSERA_ISA {

template <bool Value> struct Constant {
  static const bool value = Value;
};

/** What a pair reads of an image in one layer: the activation's parameters, then these. */
enum ImageNumber { HALF_VARIANCE, HALF_THETA, THETA_DEVIATION, QUARTER_SLOPE_DEVIATION, IMAGE_NUMBERS };

/**
 * The state of the pairs of `Rows` row images and `Together` vectors of column images, and one layer of it. Rows share what
 * is loaded of the columns; four vectors in all hide each other's chains of operations.
 */
template <class Real, template <class> class ActivationOf, int Rows, int Together> struct PairVectors {
  typedef Simd<Real> S;
  static const int rows = Rows, together = Together, width = together * S::lanes;
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

/**
 * Two rows by two vectors. A long chain of operations on vectors of four doubles takes longer than the operations would, and
 * a second row's comes too late for the CPU to fill it: there all four vectors are of one row, side by side.
 */
template <class Real, template <class> class ActivationOf> struct WidePairs {
  static const bool sideBySide = ActivationOf<Simd<Real>>::longChain && sizeof(Real) == 8 && TESSERA_VECTOR_BYTES == 32;
  typedef PairVectors<Real, ActivationOf, sideBySide ? 1 : 2, sideBySide ? 4 : 2> Type;
};

template <class RealType, template <class> class ActivationOf> struct Fcn {
  typedef RealType Real;
  typedef Simd<Real> S;
  /** Whole blocks, and those of one vector of columns: at the diagonal and beside the last column. */
  typedef typename WidePairs<Real, ActivationOf>::Type Wide;
  typedef PairVectors<Real, ActivationOf, 4, 1> Narrow;
  typedef Simd<double> D;
  typedef typename D::V DV;
  static const int own = ActivationOf<D>::parameters, parameters = own + IMAGE_NUMBERS;
  /** Column images of a block, and of a block of a table. */
  static const int width = Wide::width, lanes = S::lanes;
  /** Rows that are mirrored together: a strip. */
  static const int mirrorSide = lanes > Narrow::rows ? lanes : Narrow::rows;
  static const int mostRows = 64;
  static const size_t tableBytes = 32 << 20;

  const FcnTile& tile;
  const typename Wide::Activation wide;
  const typename Narrow::Activation narrow;
  const ActivationOf<D> imagewise;
  const int layers;
  /** All variances of the tile are one number. */
  const bool level;
  /** Numbers of one image through all layers. */
  const size_t imageNumbers;
  /** The arrays asked for, and the bit of each. */
  void* outputs[4];
  int outputBits[4], outputCount;
  /** The depth, by number, up to which Theta is carried: -1 where its matrix is not read. */
  int lastTheta;
  int rowsPerUnit, panelCols;

  explicit Fcn(const FcnTile& t)
      : tile(t), wide(t.network, t.network.weightVariance), narrow(t.network, t.network.weightVariance), imagewise(t.network, t.network.weightVariance),
        layers(t.depths.depth[t.depths.count - 1]), level(isLevel(t)), imageNumbers((size_t)(layers + 1) * parameters), outputCount(0), lastTheta(-1) {
    void* const arrays[4] = {t.nngp.matrix, t.nngp.complement, t.ntk.matrix, t.ntk.complement};
    for (int i = 0; i < 4; i++) {
      if (!arrays[i]) continue;
      outputBits[outputCount] = i % 2 ? COMPLEMENT : MATRIX;
      outputs[outputCount++] = arrays[i];
    }
    for (int d = 0; d < t.depths.count && t.ntk.matrix; d++) {
      if (t.depths.read[d] & MATRIX) lastTheta = d;
    }
    size_t images = tableBytes / (imageNumbers * sizeof(Real));
    int share = t.threads > 1 ? (t.rowCount + 2 * t.threads - 1) / (2 * t.threads) : t.rowCount, most = images < (size_t)mostRows ? (int)images : mostRows;
    rowsPerUnit = larger(1, smaller(share, most) / mirrorSide) * mirrorSide;
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

  struct Spread {
    DV reference, deviation;
  };
  /**
   * Runs the variances of up to `width` images through all layers. `table`, (layers, parameters, width), takes what pairs read
   * of them, the last image's numbers also in the lanes past it; readOut(depth, image, lanes, variance, theta) both deviations
   * (and, in .reference of each, the references).
   */
  template <class ReadOut> void describeImages(const double* variance, int count, Real* table, ReadOut readOut) const {
    for (int first = 0; first < count; first += D::lanes) {
      int here = smaller(D::lanes, count - first), end = first + D::lanes < count ? first + D::lanes : width;
      Spread q = {D::all(tile.referenceVariance), DV{}}, theta;
      for (int i = 0; i < D::lanes; i++) q.deviation[i] = variance[first + smaller(i, here - 1)] - tile.referenceVariance;
      theta = q;
      for (int l = 0, d = 0;; l++) {
        auto keep = [&](int p, DV v) {
          Real* at = table + ((size_t)l * parameters + p) * width;
          storeAs(at + first, v);
          for (int i = first + D::lanes; i < end; i += D::lanes) storeAs(at + i, D::all(v[here - 1]));
        };
        keep(own + HALF_VARIANCE, (q.reference + q.deviation) * 0.5);
        if (d < tile.depths.count && tile.depths.depth[d] == l) readOut(tile.depths.position[d++], first, here, q, theta);
        if (l == layers) break;
        ImageDual<DV> dual = imagewise.image(q.reference, q.deviation, keep);
        DV whole = theta.reference + theta.deviation;
        keep(own + HALF_THETA, whole * 0.5);
        keep(own + THETA_DEVIATION, theta.deviation);
        keep(own + QUARTER_SLOPE_DEVIATION, dual.slopeDeviation * 0.25);
        q.reference = dual.value + tile.network.biasVariance;
        q.deviation = dual.valueDeviation;
        theta.deviation = q.deviation + D::fma(dual.slope, theta.deviation, dual.slopeDeviation * whole);
        theta.reference = D::fma(dual.slope, theta.reference, q.reference);
      }
    }
  }
  /** Where the numbers of image i of a table begin: blocks of `width` images, each (layers, parameters, width). */
  TESSERA_INLINE const Real* numbersOf(const Real* table, int i) const { return table + i / width * imageNumbers * width + i % width; }

  /** Takes the variances of images into a tile's vectors of deviations, of rows or of columns. */
  static void putDeviations(double* deviations, int position, int count, int first, int here, DV values) {
    for (int i = 0; i < here; i++) deviations[(size_t)position * count + first + i] = values[i];
  }

  size_t outputIndex(int depth, int row, int col) const {
    return ((size_t)tile.depths.position[depth] * tile.rowCount + row) * tile.colCount + col;
  }

  /**
   * A block: its column images from `col` on, against its row images, of which `rows` are stored; the first `skipped` columns
   * are not. a, b: the images' numbers.
   */
  template <class Pairs, bool Level, bool Theta, bool Delta>
  TESSERA_INLINE void runBlock(const typename Pairs::Activation& activation, int row, int rows, int col, int skipped, bool first, const Real* a, const Real* b) const {
    typedef typename Pairs::G G;
    Pairs pairs;
    const int valid = smaller(Pairs::width, tile.colCount - col), half = own + HALF_VARIANCE;
    auto ofRow = [](const Real* at) { return [=](int p, int r) { return G::all(at[p * width + r]); }; };
    auto ofCol = [](const Real* at) { return [=](int p) { return G::load(at + p * width); }; };
    auto variance = [&](int r) { return ofRow(a)(half, r) + (Level ? ofRow(a)(half, r) : ofCol(b)(half)); };
#pragma GCC unroll 4
    for (int r = 0; r < Pairs::rows; r++) {
      const double* from = tile.complement + (size_t)(row + smaller(r, rows - 1)) * tile.colCount + col;
      pairs.delta[r] = valid == Pairs::width ? startOf<G>(from) : partialStart<G>(from, valid);
      pairs.tangent[r] = pairs.delta[r];
      pairs.theta[r] = variance(r) - pairs.delta[r];
    }
    Ahead<Pairs> ahead(*this, row, rows, col, first);
    int steps = ahead.steps();
    const int pace = (steps * 5 + 4 * layers - 1) / (4 * larger(1, layers));
    for (int r = 0; r < rows; r++) prefetch(tile.complement + (size_t)(row + rows + r) * tile.colCount + col, Pairs::width);
    int l = 0;
    auto layersTo = [&](int end, auto carriesTheta) TESSERA_LAMBDA {
      for (; l < end; l++) {
        for (int i = 0; i < pace && steps > 0; i++, steps--) ahead.step();
        const Real *nextA = a + parameters * width, *nextB = b + parameters * width;
        pairs.template layer<Level, decltype(carriesTheta)::value, Delta>(activation, ofRow(a), ofCol(b), ofRow(nextA), ofCol(nextB));
        a = nextA;
        b = nextB;
      }
    };
    for (int d = 0; d < tile.depths.count; d++) {
      if (Theta && d <= lastTheta) layersTo(tile.depths.depth[d], Constant<Theta>());
      else layersTo(tile.depths.depth[d], Constant<false>());
      const bool matrix = tile.depths.read[d] & MATRIX, complement = tile.depths.read[d] & COMPLEMENT;
#pragma GCC unroll 4
      for (int r = 0; r < Pairs::rows; r++) {
        if (r >= rows) break;
        const size_t at = outputIndex(d, row + r, col);
        if (matrix && tile.nngp.matrix) storeVectors<G>(tile.nngp.matrix, at, variance(r) - pairs.delta[r], skipped, valid);
        if (complement && tile.nngp.complement) storeVectors<G>(tile.nngp.complement, at, pairs.delta[r], skipped, valid);
        if (Theta && matrix && tile.ntk.matrix) storeVectors<G>(tile.ntk.matrix, at, pairs.theta[r], skipped, valid);
        if (Delta && complement && tile.ntk.complement) storeVectors<G>(tile.ntk.complement, at, pairs.tangent[r], skipped, valid);
      }
    }
  }
  template <class G> static TESSERA_INLINE typename G::V startOf(const double* from) {
    typename G::V start;
    for (int i = 0; i < G::count; i++) start.v[i] = S::fromDoubles(from + i * lanes);
    return start;
  }
  template <class G> static typename G::V partialStart(const double* from, int valid) {
    double whole[G::count * lanes] = {};
    memcpy(whole, from, valid * sizeof(double));
    return startOf<G>(whole);
  }
  /** Rows [row, end) of a strip against the block's columns. */
  template <class Pairs, bool Level, bool Theta, bool Delta>
  void runStrip(const typename Pairs::Activation& activation, int row, int end, int col, int skipped, bool first, const Real* a, const Real* b) const {
    for (; row < end; row += Pairs::rows, a += Pairs::rows, first = false) {
      runBlock<Pairs, Level, Theta, Delta>(activation, row, smaller(Pairs::rows, end - row), col, skipped, first, a, b);
    }
  }
  template <bool Level, bool Theta, bool Delta> void runWide(int row, int end, int col, int skipped, bool first, const Real* a, const Real* b) const {
    runStrip<Wide, Level, Theta, Delta>(wide, row, end, col, skipped, first, a, b);
  }
  template <bool Level, bool Theta, bool Delta> void runNarrow(int row, int end, int col, int skipped, bool first, const Real* a, const Real* b) const {
    runStrip<Narrow, Level, Theta, Delta>(narrow, row, end, col, skipped, first, a, b);
  }

  /** Lines that are written or read some hundred nanoseconds later. */
  template <class T> static TESSERA_INLINE void prefetch(T* from, int count, bool toWrite = false) {
    const char *at = (const char*)from, *last = (const char*)(from + count) - 1;
    for (; at < last; at += 64) toWrite ? __builtin_prefetch(at, 1) : __builtin_prefetch(at);
    toWrite ? __builtin_prefetch(last, 1) : __builtin_prefetch(last);
  }
  /**
   * Fetches lines that will be written, in steps spread over a block's layers: the next block's rows, the block's share of what
   * mirror() writes, and where it is the `first` of a group its own rows. All at once they would fill the core's list of
   * outstanding lines and hold up the arithmetic behind them.
   */
  template <class Pairs> struct Ahead {
    static const int share = Pairs::width / (mirrorSide / Pairs::rows);
    const Fcn& fcn;
    /** Rows [row, endRow) from column `col` on, and mirrored rows [mirrored, endMirrored). */
    const int row, endRow, col, mirrored, endMirrored, side;
    /** The next step: an output's row, or mirrored row. */
    int depth = 0, at, output = 0;
    TESSERA_INLINE Ahead(const Fcn& f, int firstRow, int rows, int firstCol, bool first)
        : fcn(f), row(first ? firstRow : firstRow + rows), endRow(smaller(firstRow + rows + Pairs::rows, f.tile.rowCount)), col(firstCol),
          mirrored(firstCol + firstRow % mirrorSide / Pairs::rows * share), endMirrored(f.tile.symmetric ? smaller(mirrored + share, f.tile.colCount) : mirrored),
          side(firstRow / mirrorSide * mirrorSide), at(row) {}
    TESSERA_INLINE int steps() const { return (larger(0, endRow - row) + larger(0, endMirrored - mirrored)) * fcn.outputCount * fcn.tile.depths.count; }
    TESSERA_INLINE void step() {
      const bool own = at < endRow;
      const int mirror = mirrored + (at - larger(row, endRow));
      if (fcn.tile.depths.read[depth] & fcn.outputBits[output]) {
        prefetch((Real*)fcn.outputs[output] + (own ? fcn.outputIndex(depth, at, col) : fcn.outputIndex(depth, mirror, side)), own ? Pairs::width : mirrorSide, true);
      }
      if (++output < fcn.outputCount) return;
      output = 0;
      at++;
      if (at < endRow || mirror + 1 < endMirrored) return;
      at = row;
      depth++;
    }
  };

  template <class G> static TESSERA_INLINE void storeVectors(void* output, size_t at, const typename G::V& v, int skipped, int valid) {
    Real *out = (Real*)output + at, whole[G::count * lanes];
    if (valid - skipped == G::count * lanes) return G::store(out, v);
    G::store(whole, v);
    memcpy(out + skipped, whole + skipped, (valid - skipped) * sizeof(Real));
  }

  typedef void (Fcn::*Strip)(int, int, int, int, bool, const Real*, const Real*) const;
  struct Strips {
    Strip wide, narrow;
  };
  template <bool Level, bool Theta, bool Delta> static Strips stripsOf() { return {&Fcn::runWide<Level, Theta, Delta>, &Fcn::runNarrow<Level, Theta, Delta>}; }
  Strips strips() const {
    const bool theta = tile.ntk.matrix, delta = tile.ntk.complement;
    if (level) return stripsOf<true, true, true>();
    return theta ? (delta ? stripsOf<false, true, true>() : stripsOf<false, true, false>()) : stripsOf<false, false, true>();
  }

  /** A panel of columns: their tables, shared by all threads, and how many blocks of them are described. */
  struct Panel {
    const Fcn& fcn;
    int first, count;
    Real* table;
    int described;
    int blocks() const { return (count + width - 1) / width; }
    /** Rows find their numbers in it. */
    bool hasRows() const { return fcn.tile.symmetric && count == fcn.tile.rowCount; }
  };

  /** The panel's blocks are units of work, and then the groups of rows, which wait for all of them. */
  static int runUnit(const void* context, int unit) {
    Panel& panel = *(Panel*)context;
    const int blocks = panel.blocks();
    if (unit < blocks) {
      panel.fcn.describePanel(panel, unit);
      __atomic_fetch_add(&panel.described, 1, __ATOMIC_RELEASE);
      return DONE;
    }
    return panel.fcn.runRows(panel, unit - blocks);
  }

  void describePanel(const Panel& panel, int block) const {
    const int first = panel.first + block * width, count = smaller(width, panel.count - block * width);
    describeImages(tile.colVariance + first, count, panel.table + (size_t)block * imageNumbers * width,
                   [&](int position, int at, int here, const Spread& q, const Spread& theta) {
                     if (tile.nngp.wanted()) putDeviations(tile.nngp.colDeviations, position, tile.colCount, first + at, here, q.deviation);
                     if (tile.ntk.wanted()) putDeviations(tile.ntk.colDeviations, position, tile.colCount, first + at, here, theta.deviation);
                     if (panel.hasRows()) putRows(position, first + at, here, q, theta);
                   });
  }
  void putRows(int position, int first, int here, const Spread& q, const Spread& theta) const {
    if (tile.nngp.wanted()) putDeviations(tile.nngp.rowDeviations, position, tile.rowCount, first, here, q.deviation);
    if (tile.ntk.wanted()) putDeviations(tile.ntk.rowDeviations, position, tile.rowCount, first, here, theta.deviation);
    if (first > 0) return;
    if (tile.nngp.wanted()) tile.nngp.reference[position] = q.reference[0];
    if (tile.ntk.wanted()) tile.ntk.reference[position] = theta.reference[0];
  }

  /** A group of rows against the panel's columns (those from the group's own on where the tile is symmetric). */
  int runRows(const Panel& panel, int group) const {
    const int firstRow = group * rowsPerUnit, endRow = smaller(firstRow + rowsPerUnit, tile.rowCount);
    if (tile.symmetric && firstRow >= panel.first + panel.count) return DONE;
    // Blocks before it are with other threads, and cannot fail.
    while (__atomic_load_n(&panel.described, __ATOMIC_ACQUIRE) < panel.blocks()) sched_yield();
    Buffer<Real> rowTable(panel.hasRows() ? 0 : roundUp(endRow - firstRow, width) * imageNumbers);
    if (rowTable.missing()) return OUT_OF_MEMORY;
    for (int row = firstRow; row < endRow && !panel.hasRows(); row += width) {
      describeImages(tile.rowVariance + row, smaller(width, endRow - row), rowTable + (row - firstRow) * imageNumbers,
                     [&](int position, int at, int here, const Spread& q, const Spread& theta) { putRows(position, row + at, here, q, theta); });
    }
    const Strips run = strips();
    const int start = tile.symmetric && firstRow > panel.first ? (firstRow - panel.first) / width * width : 0;
    for (int at = start; at < panel.count; at += width) {
      for (int row = firstRow; row < endRow; row += mirrorSide) {
        if (*tile.cancel) return CANCELLED;
        const int end = smaller(row + mirrorSide, endRow), col = panel.first + at, endCol = panel.first + smaller(at + width, panel.count);
        const Real *a = panel.hasRows() ? numbersOf(panel.table, row) : numbersOf(rowTable, row - firstRow), *b = numbersOf(panel.table, at);
        if (col + lanes < endCol && (!tile.symmetric || col >= end)) {
          (this->*run.wide)(row, end, col, 0, row == firstRow, a, b);
          if (tile.symmetric) mirror(row, end, col, endCol);
          continue;
        }
        for (int left = col; left < endCol; left += lanes) {
          const int right = smaller(left + lanes, endCol);
          if (tile.symmetric && right <= row) continue;
          // What rows above have mirrored here stays: below the diagonal the read-in has no entries.
          (this->*run.narrow)(row, end, left, tile.symmetric ? larger(0, row - left) : 0, row == firstRow, a, b + (left - col));
          if (tile.symmetric) mirror(row, end, left, right);
        }
      }
    }
    return DONE;
  }

  /** Copies entries above the diagonal below it while they are in the cache, by squares. */
  void mirror(int firstRow, int endRow, int firstCol, int endCol) const {
    const size_t n = tile.colCount;
    for (int o = 0; o < outputCount; o++) {
      for (int d = 0; d < tile.depths.count; d++) {
        if (!(tile.depths.read[d] & outputBits[o])) continue;
        Real* m = (Real*)outputs[o] + tile.depths.position[d] * n * n;
        for (int i = firstRow; i < endRow; i += lanes) {
          for (int j = firstCol; j < endCol; j += lanes) {
            if (i + lanes <= endRow && j + lanes <= endCol && j >= i + lanes) transpose<S>(m + i * n + j, n, m + j * n + i, n);
            else mirrorPart(m, i, smaller(i + lanes, endRow), j, smaller(j + lanes, endCol));
          }
        }
      }
    }
  }
  /** Up to a vector of rows, and of columns: what lies above the diagonal. */
  void mirrorPart(Real* m, int firstRow, int endRow, int firstCol, int endCol) const {
    const size_t n = tile.colCount;
    Real square[lanes * lanes], turned[lanes * lanes];
    for (int i = firstRow; i < endRow; i++) memcpy(square + (i - firstRow) * lanes, m + i * n + firstCol, (endCol - firstCol) * sizeof(Real));
    transpose<S>(square, lanes, turned, lanes);
    for (int j = larger(firstCol, firstRow + 1); j < endCol; j++) {
      memcpy(m + j * n + firstRow, turned + (j - firstCol) * lanes, (smaller(endRow, j) - firstRow) * sizeof(Real));
    }
  }

  /** Theta of an image with itself is its own recursion's, not the pair's. */
  void writeDiagonal() const {
    for (int d = 0; d <= lastTheta; d++) {
      if (!(tile.depths.read[d] & MATRIX)) continue;
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
      Panel panel = {*this, first, smaller(panelCols, tile.colCount - first), table, 0};
      int outcome = runUnits(runUnit, &panel, panel.blocks() + (tile.rowCount + rowsPerUnit - 1) / rowsPerUnit, tile.threads);
      if (outcome != DONE) return outcome;
    }
    if (tile.symmetric) writeDiagonal();
    return DONE;
  }
};

/** The layers of `runBlock` on parameters that stay the same: nothing is loaded or stored but what the registers do not hold. */
template <class Real, template <class> class ActivationOf> struct Registers {
  typedef typename WidePairs<Real, ActivationOf>::Type Pairs;
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
    // A set for each row and each vector of columns: what a pair makes of two images is made anew for every pair.
    const int images = Pairs::rows + Pairs::together;
    typename S::V numbers[images][parameters];
    for (int i = 0; i < images; i++) {
      const double deviation = task.level ? 0.0 : 0.0625 * i / images, values[] = {0.25 + deviation / 2, 0.5 + deviation, deviation, -deviation / 64};
      imagewise.image(D::all(0.5), D::all(deviation), [&](int p, typename D::V v) { numbers[i][p] = S::all(Real(v[0])); });
      for (int p = 0; p < IMAGE_NUMBERS; p++) numbers[i][Activation::parameters + p] = S::all(Real(values[p]));
    }
    Pairs pairs;
    for (int l = 0; l < task.layers; l++) {
      // As deep as the numbers are ordinary: CPUs take a hundred times as long for those below the smallest normal one.
      if (l % 32 == 0) start(pairs);
      // The parameters are new in every layer as far as the compiler knows.
      __asm__ volatile("" : : "r"(numbers) : "memory");
      auto a = [&](int p, int r) { return G::same(numbers[r][p]); };
      auto b = [&](int p) { return G::gather([&](int i) { return numbers[Pairs::rows + i][p]; }); };
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
