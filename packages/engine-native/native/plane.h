// Planes M(p) = M(p, p + s) of pixel pairs through the layers. A layer of 32 x 32 pixels under a 3 x 3 filter is one pass: a
// row is the sum of three rows of the plane before, goes through the dual activation, and is summed along itself while the
// next row is computed; the plane keeps these row sums. Other shapes take two, the dual activation over every pixel into `staged`
// and the filter back. Of a 32 x 32 image all of it stays in the first-level cache (f32) or the second (f64). Several planes
// go forward together, a few layers each in turn, so that the images' parameters of these layers are fetched once for all.
#pragma once
#include "box-filter.h"
#include "task.h"

namespace TESSERA_ISA {

/** Adds vectors up in doubles. */
template <class Real> struct Accumulator;
template <> struct Accumulator<double> {
  typedef Simd<double> S;
  S::V total{};
  TESSERA_INLINE void add(S::V v) { total += v; }
  double sum() const { return S::sum(total); }
};
template <> struct Accumulator<float> {
  typedef float Half __attribute__((vector_size(TESSERA_VECTOR_BYTES / 2)));
  typedef Simd<double> S;
  S::V low{}, high{};
  TESSERA_INLINE void add(Simd<float>::V v) {
    Half halves[2];
    memcpy(halves, &v, sizeof v);
    low += __builtin_convertvector(halves[0], S::V);
    high += __builtin_convertvector(halves[1], S::V);
  }
  double sum() const { return S::sum(low + high); }
};

/** The state of `count` interleaved planes (box-filter.h): image a against b displaced by (dy, dx), and its sums by depth. */
template <class Real> struct PlaneJob {
  const Real *a, *b;
  int dy, dx;
  Real* state;
  /** (depths, count) */
  double* sums;
};

/** What a step is made of: vectors of one row, or of two. */
template <class S, int rowCount> struct StepVectors;
template <class S> struct StepVectors<S, 1> {
  static const int together = 1;
  typedef S G;
  typedef typename S::V V;
  template <class From> static TESSERA_INLINE V gather(From from) { return from(0); }
  template <class To> static TESSERA_INLINE void scatter(const V& v, To to) { to(0, v); }
};
template <class S> struct StepVectors<S, 2> {
  static const int together = 2;
  typedef Pack<S, 2> G;
  typedef typename G::V V;
  template <class From> static TESSERA_INLINE V gather(From from) { return G::gather(from); }
  template <class To> static TESSERA_INLINE void scatter(const V& v, To to) {
    to(0, v.v[0]);
    to(1, v.v[1]);
  }
};

/** Working memory for planes, `count` going forward together. */
template <class RealType, int planes> struct PlaneMachine {
  typedef RealType Real;
  static const int count = planes;
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef typename S::I I;

  const PlaneShape& shape;
  BoxFilter<Real> filter;
  Buffer<Real> staged;
  /** A row of each plane that is nothing. */
  Buffer<Real> nothing;
  Buffer<typename S::Int> inside;
  /** Vectors of a row that is taken whole. */
  static const int wholeWidth = 32, vectors = wholeWidth / S::lanes;

  explicit PlaneMachine(const PlaneShape& s) : shape(s), filter(s), staged(count * s.size()), nothing(count * s.stride), inside(s.stride) {
    if (missing()) return;
    for (int x = 0; x < s.width; x++) inside[x] = -1;
  }
  bool missing() const { return filter.missing() || staged.missing() || nothing.missing() || inside.missing(); }
  size_t stateSize() const { return count * shape.size(); }

  /** v without the lanes past the image's width. */
  TESSERA_INLINE V onlyInside(V v, int x) const {
    I mask;
    memcpy(&mask, inside + x, sizeof mask);
    return (V)((I)v & mask);
  }

  /** Planes that keep row sums from the first layer on (rowPass). */
  bool isWhole() const { return shape.filterSize == 3 && shape.width == wholeWidth && shape.stride == wholeWidth; }
  /** The rows whose sum a row is: of row sums three, `nothing` where the window leaves the plane; else the row itself. */
  struct Window {
    const Real *above, *here, *below;
    TESSERA_INLINE V sum(ptrdiff_t at) const { return (S::load(above + at) + S::load(here + at)) + S::load(below + at); }
  };
  template <bool Circular> TESSERA_INLINE Window windowOf(const Real* plane, int y, bool rowSums) const {
    const int last = shape.height - 1, cut = filter.cutRow;
    const ptrdiff_t size = count * (ptrdiff_t)shape.stride;
    const Real *here = plane + y * size, *above = y == 0 ? plane + last * size : here - size, *below = y == last ? plane : here + size;
    if (!rowSums || (!Circular && (y == 0 || y == cut))) above = nothing;
    if (!rowSums || (!Circular && (y == last || y + 1 == cut))) below = nothing;
    return {above, here, below};
  }

  /** Four rows are added up before they are doubles. Row sums lack the bias of the planes from the third on. */
  void sums(const Real* state, double* sums, bool rowSums = false, Real bias = 0) const {
    const int together = 4;
    Accumulator<Real> totals[count];
    for (int y = 0; y < shape.height; y += together) {
      const int here = smaller(together, shape.height - y);
      Window windows[together];
      for (int i = 0; i < here; i++) windows[i] = shape.circular ? windowOf<true>(state, y + i, rowSums) : windowOf<false>(state, y + i, rowSums);
      for (int p = 0; p < count; p++) {
        const Real lacking = p >= 2 && rowSums ? bias : 0;
        for (int x = 0; x < shape.stride; x += S::lanes) {
          auto at = [&](int i) { return windows[i].sum(p * (ptrdiff_t)shape.stride + x) + lacking; };
          if (here == together) totals[p].add(onlyInside((at(0) + at(1)) + (at(2) + at(3)), x));
          else for (int i = 0; i < here; i++) totals[p].add(onlyInside(at(i), x));
        }
      }
    }
    for (int p = 0; p < count; p++) sums[p] = totals[p].sum();
  }

  /**
   * step.row(y) finds a row, step.at(rows, x, state, staged) makes of one vector of each plane what the filter sums. Steps
   * whose chain of operations is too long for the CPU to look past take the vectors of two rows at once (`together`).
   */
  template <class Step> TESSERA_INLINE void dualPass(const Real* __restrict state, const Step& announced) {
    const Step step = announced;
    const int together = Step::together, height = shape.height;
    const ptrdiff_t stride = shape.stride, step1 = count * stride;
    Real* __restrict all = staged;
    for (int y = 0; y < height; y += together) {
      const ptrdiff_t apart = y + 1 < height ? step1 : 0;
      const Real* here = state + y * step1;
      Real* out = all + y * step1;
      typename Step::Row rows[together];
      rows[0] = step.row(y);
      if (together == 2) rows[together - 1] = step.row(apart ? y + 1 : y);
      for (ptrdiff_t x = 0; x < stride; x += S::lanes) {
        typename Step::V before[count], after[count];
#pragma GCC unroll 4
        for (int p = 0; p < count; p++) before[p] = Step::gather([=](int i) { return S::load(here + i * apart + p * stride + x); });
        step.at(rows, x, before, after);
#pragma GCC unroll 4
        for (int p = 0; p < count; p++) Step::scatter(after[p], [=](int i, V v) { S::store(out + i * apart + p * stride + x, v); });
      }
    }
  }

  /**
   * A layer of a whole plane: its rows, or their sums, become the next layer's row sums. Row sums lack the bias of the planes
   * from the third on. Steps take two vectors of a row at once. A row is summed along itself, and put in its place, while
   * the next goes through the dual activation: nothing waits for the end of that long chain.
   */
  template <bool Circular, class Step> TESSERA_INLINE void rowPass(Real* plane, bool rowSums, Real bias, const Step& announced) {
    const Step step = announced;
    const ptrdiff_t stride = wholeWidth, size = count * stride;
    const int last = shape.height - 1;
    const Real lacking = rowSums ? bias : 0;
    // The first row as it was, for the last row's window, and the results of this row and the one above.
    Real *first = staged, *results = staged + size, *resultsAbove = results + size;
    memcpy(first, plane, size * sizeof(Real));
    auto alongRow = [&](int y, const Real* from) {
#pragma GCC unroll 4
      for (int p = 0; p < count; p++) {
        V row[vectors];
#pragma GCC unroll 16
        for (int i = 0; i < vectors; i++) row[i] = S::load(from + p * stride + i * S::lanes);
#pragma GCC unroll 16
        for (int i = 0; i < vectors; i++) {
          const V sum = filter.template across<Circular>(row[(i + vectors - 1) % vectors], row[i], row[(i + 1) % vectors], i * S::lanes);
          S::store(plane + y * size + p * stride + i * S::lanes, sum);
        }
      }
    };
    for (int y = 0; y <= last; y++) {
      Window window = windowOf<Circular>(plane, y, rowSums);
      if (window.below == plane) window.below = first;
      const typename Step::Row rows[2] = {step.row(y, 0), step.row(y, S::lanes)};
#pragma GCC unroll 8
      for (int i = 0; i < vectors; i += 2) {
        typename Step::V before[count], after[count];
#pragma GCC unroll 4
        for (int p = 0; p < count; p++) {
          before[p] = Step::gather([=](int j) { return window.sum(p * stride + (i + j) * S::lanes); });
          if (p >= 2) before[p] = before[p] + lacking;
        }
        step.at(rows, i * S::lanes, before, after);
#pragma GCC unroll 4
        for (int p = 0; p < count; p++) Step::scatter(after[p], [&](int j, V v) { S::store(results + p * stride + (i + j) * S::lanes, v); });
      }
      if (y > 0) alongRow(y - 1, resultsAbove);
      Real* kept = results;
      results = resultsAbove;
      resultsAbove = kept;
    }
    alongRow(last, resultsAbove);
  }

  /** Planes from `firstBiased` on take the bias. A call of its own: the same code for every activation. */
  template <int firstBiased> __attribute__((noinline)) void filterPass(Real* __restrict state, Real bias) {
    filter.template apply<count>(staged, [=](int p, ptrdiff_t at, V sum) { S::store(state + at, p < firstBiased ? sum : sum + bias); });
  }

  /**
   * Takes the planes of `jobs` through all layers, `visit` layers of each at a time. step.open(job) announces a plane,
   * step.begin(l) a layer. Returns false when cancelled.
   */
  template <class Step> bool run(PlaneJob<Real>* jobs, int jobCount, Step& step, int visit, const Depths& depths, Real bias, const volatile int32_t* cancel) {
    const int layers = depths.depth[depths.count - 1];
    const bool whole = Step::takesRows && isWhole();
    for (int first = 0, firstDepth = 0;; first += visit) {
      int last = smaller(first + visit, layers), d = firstDepth;
      for (int j = 0; j < jobCount; j++) {
        if (*cancel) return false;
        d = firstDepth;
        step.open(jobs[j]);
        Real* state = jobs[j].state;
        for (int l = first;; l++) {
          if (l < last || last == layers) {
            if (depths.depth[d] == l) sums(state, jobs[j].sums + count * d++, whole && l > 0, bias);
          }
          if (l == last) break;
          step.begin(l);
          if constexpr (Step::takesRows) {
            if (whole) {
              shape.circular ? rowPass<true>(state, l > 0, bias, step) : rowPass<false>(state, l > 0, bias, step);
              continue;
            }
          }
          dualPass(state, step);
          filterPass<2>(state, bias);
        }
      }
      if (last == layers) return true;
      firstDepth = d;
    }
  }
};

}  // namespace TESSERA_ISA
