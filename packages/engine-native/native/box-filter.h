// The average over a filter's window on planes of pixel pairs, by two sliding sums: over the rows, then along each
// row. The division by f^2 is in the activation's scale already. The rows of `count` planes lie interleaved, row 0 of
// every plane before row 1 of the first: planes of 4 KiB side by side would all fall on the same lines of the cache.
#pragma once
#include "buffer.h"
#include "simd.h"

namespace TESSERA_ISA {

/** The geometry of the planes of one tile; strides in numbers. */
struct PlaneShape {
  int height, width, filterSize;
  bool circular;
  /** The filter's reach, and whole vectors of room for it beside a row. */
  int half, halo;
  /** Row length of a plane: width rounded up to whole vectors. */
  int stride;
  PlaneShape(int h, int w, int f, bool wraps, int lanes)
      : height(h), width(w), filterSize(f), circular(wraps), half(f / 2), halo(roundUp(f / 2 + 1, lanes)), stride(roundUp(w, lanes)) {}
  size_t size() const { return (size_t)height * stride; }
};

/** The most rows a filter covers. */
const int MOST_FILTER = 255;

template <class Real> struct BoxFilter {
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef typename S::I I;
  typedef typename S::Int Int;
  static const int mostPlanes = 4;
  /** Rows of column sums waiting to be summed along: a load across two vectors just stored would stall. */
  static const int ring = 4, lag = 2;

  const PlaneShape& shape;
  /** A zero row, for what lies outside of a zero-padded plane. */
  Buffer<Real> zeros;
  /** masks[b][x]: all ones where x and x + b - half belong to the same image row (see cut). */
  Buffer<Int> masks;
  Buffer<Real> waiting;
  int cutRow;

  explicit BoxFilter(const PlaneShape& s)
      : shape(s), zeros(s.stride), masks((size_t)s.filterSize * s.stride), waiting((size_t)mostPlanes * ring * rowLength()), cutRow(s.height) {}
  bool missing() const { return zeros.missing() || masks.missing() || waiting.missing(); }
  int rowLength() const { return shape.stride + 2 * shape.halo; }

  /**
   * Zero padding, displacement (dy, dx): pixels whose partner p + s wraps around and pixels whose partner does not
   * are different displacements of the zero-padded network. They fill one plane together, and the window never
   * crosses the cut between them.
   */
  void cut(int dy, int dx) {
    cutRow = shape.height - dy;
    int cutColumn = shape.width - dx;
    for (int b = 0; b < shape.filterSize; b++) {
      for (int x = 0; x < shape.width; x++) {
        int other = x + b - shape.half;
        bool together = other >= 0 && other < shape.width && (x < cutColumn) == (other < cutColumn);
        masks[(size_t)b * shape.stride + x] = together ? Int(-1) : Int(0);
      }
    }
  }

  TESSERA_INLINE V masked(V v, int b, int x) const {
    I mask;
    memcpy(&mask, masks + (size_t)b * shape.stride + x, sizeof mask);
    return (V)((I)v & mask);
  }

  /** Window sums of `count` interleaved planes, handed to store(plane, offset, sum) by vectors. */
  template <int count, class Store> TESSERA_INLINE void apply(const Real* planes, Store store) const {
    if (shape.filterSize != 3 || shape.stride != shape.width) applyAny<count>(planes, store);
    else if (shape.circular) applyWhole<count, true>(planes, store);
    else applyWhole<count, false>(planes, store);
  }
  template <int count, bool Circular, class Store> TESSERA_INLINE void applyWhole(const Real* planes, Store store) const {
    if (shape.stride == 32) applyThree<count, 32 / S::lanes <= 4 ? 32 / S::lanes : 0, Circular>(planes, store);
    else applyThree<count, 0, Circular>(planes, store);
  }

  /**
   * 3 x 3 on rows of `vectors` whole vectors (0: of any number), two rows at a time: the sum of an even row and the odd one
   * below serves both, and a vector's neighbours along the row are in registers. The order of the additions is the same
   * at every pixel whose window is whole, wherever the cut.
   */
  template <int count, int vectors, bool Circular, class Store> TESSERA_INLINE void applyThree(const Real* planes, Store store) const {
    const int height = shape.height;
    const ptrdiff_t stride = shape.stride, step = count * stride;
    const Real* nothing = zeros;
    const int cutAt = cutRow;
    for (int y = 0; y < height; y += 2) {
      const bool pair = y + 1 < height;
      const Real* here = planes + y * step;
      const Real *above = y == 0 ? here + (height - 1) * step : here - step, *next = pair ? here + step : planes;
      const Real* below = y + 2 < height ? here + 2 * step : planes + (y + 2 - height) * step;
      bool split = false;
      if (!Circular) {
        split = !pair || y + 1 == cutAt;
        if (y == 0 || y == cutAt) above = nullptr;
        if (y + 2 >= height || y + 2 == cutAt) below = nullptr;
      }
#pragma GCC unroll 4
      for (int p = 0; p < count; p++) {
        const ptrdiff_t at = y * step + p * stride;
        auto of = [=](const Real* row) { return Circular || row ? row + p * stride : nothing; };
        if (Circular || !split) {
          twoRows<vectors, Circular>(of(above), of(here), of(next), of(below), pair, p, at, step, store);
        } else {
          twoRows<vectors, Circular>(of(above), of(here), nothing, nothing, false, p, at, step, store);
          if (pair) twoRows<vectors, Circular>(nothing, of(next), nothing, of(below), true, p, at + step, -step, store, true);
        }
      }
    }
  }

  /** The sums of three columns, given the column sums before, at and after. */
  template <bool Circular> TESSERA_INLINE V across(V before, V here, V after, int x) const {
    V left = S::shiftUp(before, here), right = S::shiftDown(here, after);
    if (!Circular) {
      left = masked(left, 0, x);
      right = masked(right, 2, x);
    }
    return left + here + right;
  }

  /** Rows `first` and, where `pair`, `second`; `lowerOnly`: the row `first` as the lower of the two. */
  template <int vectors, bool Circular, class Store>
  TESSERA_INLINE void twoRows(const Real* above, const Real* first, const Real* second, const Real* below, bool pair, int p, ptrdiff_t at, ptrdiff_t step, Store store,
                              bool lowerOnly = false) const {
    const int lanes = S::lanes;
    if (vectors > 0) {
      V upper[vectors + !vectors], lower[vectors + !vectors];
#pragma GCC unroll 4
      for (int i = 0; i < vectors; i++) {
        V both = S::load(first + i * lanes) + S::load(second + i * lanes);
        upper[i] = S::load(above + i * lanes) + both;
        lower[i] = both + S::load(below + i * lanes);
      }
#pragma GCC unroll 4
      for (int i = 0; i < vectors; i++) {
        const int before = (i + vectors - 1) % (vectors + !vectors), after = (i + 1) % (vectors + !vectors);
        if (!lowerOnly) store(p, at + i * lanes, across<Circular>(upper[before], upper[i], upper[after], i * lanes));
        if (pair) store(p, at + (lowerOnly ? 0 : step) + i * lanes, across<Circular>(lower[before], lower[i], lower[after], i * lanes));
      }
      return;
    }
    const int last = shape.stride - lanes;
    auto both = [=](int x) { return S::load(first + x) + S::load(second + x); };
    V edge = both(last), start = both(0);
    V startUpper = S::load(above) + start, startLower = start + S::load(below);
    V beforeUpper = S::load(above + last) + edge, beforeLower = edge + S::load(below + last), hereUpper = startUpper, hereLower = startLower;
    for (int x = 0; x <= last; x += lanes) {
      V afterUpper = startUpper, afterLower = startLower;
      if (x < last) {
        V middle = both(x + lanes);
        afterUpper = S::load(above + x + lanes) + middle;
        afterLower = middle + S::load(below + x + lanes);
      }
      if (!lowerOnly) store(p, at + x, across<Circular>(beforeUpper, hereUpper, afterUpper, x));
      if (pair) store(p, at + (lowerOnly ? 0 : step) + x, across<Circular>(beforeLower, hereLower, afterLower, x));
      beforeUpper = hereUpper;
      hereUpper = afterUpper;
      beforeLower = hereLower;
      hereLower = afterLower;
    }
  }

  /** The rows that the window around row y covers, top to bottom; -1 for a row outside. */
  TESSERA_INLINE void windowRows(int y, int* rows) const {
    for (int b = 0; b < shape.filterSize; b++) {
      int other = y + b - shape.half;
      if (shape.circular) other = other < 0 ? other + shape.height : other >= shape.height ? other - shape.height : other;
      else if (other < 0 || other >= shape.height || (y < cutRow) != (other < cutRow)) other = -1;
      rows[b] = other;
    }
  }

  /** Any filter and width: column sums go through a ring of rows in memory. */
  template <int count, class Store> TESSERA_INLINE void applyAny(const Real* planes, Store store) const {
    int rows[MOST_FILTER];
    for (int y = 0; y < shape.height + lag; y++) {
      if (y < shape.height) {
        windowRows(y, rows);
        for (int p = 0; p < count; p++) columnSums<count>(planes + p * shape.stride, rows, waitingRow(y, p));
      }
      if (y < lag) continue;
      for (int p = 0; p < count; p++) {
        for (int x = 0; x < shape.stride; x += S::lanes) store(p, ((y - lag) * count + p) * shape.stride + x, alongRow(waitingRow(y - lag, p), x));
      }
    }
  }

  TESSERA_INLINE Real* waitingRow(int y, int which) const { return waiting + (size_t)(y % ring * mostPlanes + which) * rowLength() + shape.halo; }

  template <int count> TESSERA_INLINE void columnSums(const Real* plane, const int* rows, Real* sums) const {
    auto at = [=](int b) { return rows[b] < 0 ? (const Real*)zeros : plane + (size_t)rows[b] * count * shape.stride; };
    for (int x = 0; x < shape.stride; x += S::lanes) {
      V sum = S::load(at(0) + x);
      for (int b = 1; b < shape.filterSize; b++) sum += S::load(at(b) + x);
      S::store(sums + x, sum);
    }
    if (shape.circular) wrap(sums);
  }

  TESSERA_INLINE V alongRow(const Real* sums, int x) const {
    V sum{};
    for (int b = 0; b < shape.filterSize; b++) {
      V v = S::load(sums + x + b - shape.half);
      sum += shape.circular ? v : masked(v, b, x);
    }
    return sum;
  }

  /** Puts the wrapped columns beside a row; `row` points at its first column. */
  TESSERA_INLINE void wrap(Real* row) const {
    for (int j = 0; j < shape.half; j++) {
      row[-1 - j] = row[shape.width - 1 - j];
      row[shape.width + j] = row[j];
    }
  }
};

}  // namespace TESSERA_ISA
