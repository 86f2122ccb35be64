// The average over a filter's window on one plane of pixel pairs, by two sliding sums: over the rows, then along each
// row. The division by f^2 is in the activation's scale already.
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
      : shape(s), zeros(s.stride), masks((size_t)s.filterSize * s.stride), waiting((size_t)2 * ring * rowLength()), cutRow(s.height) {}
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

  /** The rows that the window around row y covers, top to bottom, as offsets into a plane; -1 for a row outside. */
  TESSERA_INLINE void windowRows(int y, ptrdiff_t* rows) const {
    for (int b = 0; b < shape.filterSize; b++) {
      int other = y + b - shape.half;
      if (shape.circular) other = other < 0 ? other + shape.height : other >= shape.height ? other - shape.height : other;
      else if (other < 0 || other >= shape.height || (y < cutRow) != (other < cutRow)) other = -1;
      rows[b] = other < 0 ? -1 : (ptrdiff_t)other * shape.stride;
    }
  }
  TESSERA_INLINE const Real* rowAt(const Real* plane, ptrdiff_t offset) const { return offset < 0 ? (const Real*)zeros : plane + offset; }

  TESSERA_INLINE V masked(V v, int b, int x) const {
    I mask;
    memcpy(&mask, masks + (size_t)b * shape.stride + x, sizeof mask);
    return (V)((I)v & mask);
  }

  /** Window sums of two planes at once, handed to store(offset, sum of first, sum of second) by vectors. */
  template <class Store> TESSERA_INLINE void apply(const Real* first, const Real* second, Store store) const {
    if (shape.filterSize == 3 && shape.stride == shape.width) {
      if (shape.circular) applyThree<true>(first, second, store);
      else applyThree<false>(first, second, store);
    } else {
      applyAny(first, second, store);
    }
  }

  /** The sums of three rows, running along the row: a vector's neighbours are in registers when its turn comes. */
  struct Columns {
    const Real *above, *middle, *below;
    V start, before, here;
    TESSERA_INLINE V at(int x) const { return S::load(above + x) + S::load(middle + x) + S::load(below + x); }
    TESSERA_INLINE Columns(const Real* a, const Real* m, const Real* b, int last)
        : above(a), middle(m), below(b), start(at(0)), before(at(last)), here(start) {}
  };

  /** 3 x 3 on rows of whole vectors. */
  template <bool Circular, class Store> TESSERA_INLINE void applyThree(const Real* first, const Real* second, Store store) const {
    const int stride = shape.stride, height = shape.height, last = stride - S::lanes;
    const Real* nothing = zeros;
    for (int y = 0; y < height; y++) {
      int up = y == 0 ? height - 1 : y - 1, down = y == height - 1 ? 0 : y + 1;
      bool noUp = !Circular && (y == 0 || y == cutRow), noDown = !Circular && (y == height - 1 || y + 1 == cutRow);
      auto columnsOf = [=](const Real* plane) {
        return Columns(noUp ? nothing : plane + up * stride, plane + y * stride, noDown ? nothing : plane + down * stride, last);
      };
      Columns a = columnsOf(first), b = columnsOf(second);
      for (int x = 0; x <= last; x += S::lanes) {
        auto window = [=](Columns& columns) {
          V after = x < last ? columns.at(x + S::lanes) : columns.start;
          V left = S::shiftUp(columns.before, columns.here), right = S::shiftDown(columns.here, after);
          if (!Circular) {
            left = masked(left, 0, x);
            right = masked(right, 2, x);
          }
          V sum = left + columns.here + right;
          columns.before = columns.here;
          columns.here = after;
          return sum;
        };
        V sumA = window(a), sumB = window(b);
        store(y * stride + x, sumA, sumB);
      }
    }
  }

  /** Any filter and width: column sums go through a ring of rows in memory. */
  template <class Store> TESSERA_INLINE void applyAny(const Real* first, const Real* second, Store store) const {
    ptrdiff_t rows[MOST_FILTER];
    for (int y = 0; y < shape.height + lag; y++) {
      if (y < shape.height) {
        windowRows(y, rows);
        columnSums(first, rows, waitingRow(y, 0));
        columnSums(second, rows, waitingRow(y, 1));
      }
      if (y < lag) continue;
      for (int x = 0; x < shape.stride; x += S::lanes) {
        V sumA = alongRow(waitingRow(y - lag, 0), x), sumB = alongRow(waitingRow(y - lag, 1), x);
        store((y - lag) * shape.stride + x, sumA, sumB);
      }
    }
  }

  TESSERA_INLINE Real* waitingRow(int y, int which) const { return waiting + (size_t)(y % ring * 2 + which) * rowLength() + shape.halo; }

  TESSERA_INLINE void columnSums(const Real* plane, const ptrdiff_t* rows, Real* sums) const {
    for (int x = 0; x < shape.stride; x += S::lanes) {
      V sum = S::load(rowAt(plane, rows[0]) + x);
      for (int b = 1; b < shape.filterSize; b++) sum += S::load(rowAt(plane, rows[b]) + x);
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
