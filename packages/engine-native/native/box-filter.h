// The average over a filter's window on one plane, as two sliding sums: along the row as soon as a row of the dual
// activation is there, then over the rows. The division by f^2 is in the activation's scale already.
#pragma once
#include "buffer.h"
#include "simd.h"

namespace TESSERA_ISA {

/** The geometry of the planes of one tile; strides in numbers. */
struct PlaneShape {
  int height, width, filterSize;
  bool circular;
  /** The filter's reach, and room for it before and after a row. */
  int half, halo;
  /** Row length of a plane: width rounded up to whole vectors. */
  int stride;
  PlaneShape(int h, int w, int f, bool wraps, int lanes)
      : height(h), width(w), filterSize(f), circular(wraps), half(f / 2), halo(roundUp(f / 2 + 1, lanes)), stride(roundUp(w, lanes)) {}
  int rowLength() const { return stride + 2 * halo; }
};

template <class Real> struct BoxFilter {
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef typename S::I I;
  typedef typename S::Int Int;

  const PlaneShape& shape;
  /** A zero row, for what lies outside of a zero-padded plane. */
  Buffer<Real> zeros;
  /** masks[b][x]: all ones where x and x + b - half belong to the same image row (see cut). */
  Buffer<Int> masks;
  int cutRow;

  explicit BoxFilter(const PlaneShape& s)
      : shape(s), zeros(s.stride), masks((size_t)s.filterSize * s.stride), cutRow(s.height) {}
  bool missing() const { return zeros.missing() || masks.missing(); }

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

  /** Puts the wrapped columns beside a row (circular padding). `row` points at its first column. */
  TESSERA_INLINE void wrap(Real* row) const {
    if (!shape.circular) return;
    for (int j = 0; j < shape.half; j++) {
      row[-1 - j] = row[shape.width - 1 - j];
      row[shape.width + j] = row[j];
    }
  }

  /** Window sums along one row. */
  TESSERA_INLINE void alongRow(const Real* row, Real* out) const {
    if (shape.filterSize == 3) shape.circular ? rowSums<3, false>(row, out) : rowSums<3, true>(row, out);
    else shape.circular ? rowSums<0, false>(row, out) : rowSums<0, true>(row, out);
  }

  template <int F, bool Masked> TESSERA_INLINE void rowSums(const Real* row, Real* out) const {
    const int size = F ? F : shape.filterSize, half = size / 2;
    for (int x = 0; x < shape.stride; x += S::lanes) {
      V sum{};
      for (int b = 0; b < size; b++) {
        V v = S::load(row + x + b - half);
        if (Masked) {
          I mask;
          memcpy(&mask, masks + (size_t)b * shape.stride + x, sizeof mask);
          v = (V)((I)v & mask);
        }
        sum = b == 0 ? v : sum + v;
      }
      S::store(out + x, sum);
    }
  }

  /** The rows of `sums` that the window around row y covers, top to bottom. */
  TESSERA_INLINE void windowRows(const Real* sums, int y, const Real** rows) const {
    for (int b = 0; b < shape.filterSize; b++) {
      int other = y + b - shape.half;
      if (shape.circular) other = other < 0 ? other + shape.height : other >= shape.height ? other - shape.height : other;
      else if (other < 0 || other >= shape.height || (y < cutRow) != (other < cutRow)) {
        rows[b] = zeros;
        continue;
      }
      rows[b] = sums + (size_t)other * shape.stride;
    }
  }
};

}  // namespace TESSERA_ISA
