// Planes M(p) = M(p, p + s) of pixel pairs through the layers. A layer is two passes, the dual activation over every
// pixel into `staged` and the filter back; of a 32 x 32 image all of it stays in the first-level cache (f32) or the second
// (f64). Several planes go forward together, a few layers each in turn, so that the images' parameters of these layers
// are fetched once for all of them.
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
  template <class From> static TESSERA_INLINE V gather(From from) { return {{from(0), from(1)}}; }
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
  Buffer<typename S::Int> inside;

  explicit PlaneMachine(const PlaneShape& s) : shape(s), filter(s), staged(count * s.size()), inside(s.stride) {
    if (missing()) return;
    for (int x = 0; x < s.width; x++) inside[x] = -1;
  }
  bool missing() const { return filter.missing() || staged.missing() || inside.missing(); }
  size_t stateSize() const { return count * shape.size(); }

  /** v without the lanes past the image's width. */
  TESSERA_INLINE V onlyInside(V v, int x) const {
    I mask;
    memcpy(&mask, inside + x, sizeof mask);
    return (V)((I)v & mask);
  }

  /** Four rows are added up before they are doubles. */
  void sums(const Real* state, double* sums) const {
    const int together = 4;
    for (int p = 0; p < count; p++) {
      Accumulator<Real> total;
      for (int y = 0; y < shape.height; y += together) {
        auto row = [=](int i) { return state + (size_t)((y + i) * count + p) * shape.stride; };
        auto at = [=](int i, int x) { return S::load(row(i) + x); };
        if (y + together <= shape.height) {
          for (int x = 0; x < shape.stride; x += S::lanes) total.add(onlyInside((at(0, x) + at(1, x)) + (at(2, x) + at(3, x)), x));
        } else {
          for (int i = 0; i < shape.height - y; i++) {
            for (int x = 0; x < shape.stride; x += S::lanes) total.add(onlyInside(at(i, x), x));
          }
        }
      }
      sums[p] = total.sum();
    }
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
    for (int first = 0, firstDepth = 0;; first += visit) {
      int last = smaller(first + visit, layers), d = firstDepth;
      for (int j = 0; j < jobCount; j++) {
        if (*cancel) return false;
        d = firstDepth;
        step.open(jobs[j]);
        Real* state = jobs[j].state;
        for (int l = first;; l++) {
          if (l < last || last == layers) {
            if (depths.depth[d] == l) sums(state, jobs[j].sums + count * d++);
          }
          if (l == last) break;
          step.begin(l);
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
