// Vectors of doubles or floats in the width of the instruction set this file is compiled for.
//
// Arithmetic is the compiler's vector extensions (g++ and clang); only what they lack is an intrinsic: fused
// multiply-add, square root, selection. Contraction of a * b + c is off in every build (build.mjs), so an operation
// gives the same bits in every lane and every loop shape; fma() is written out where it is wanted.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define TESSERA_INLINE inline __attribute__((always_inline))
#define TESSERA_LAMBDA __attribute__((always_inline))

#if defined(__AVX512F__)
#define TESSERA_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define TESSERA_VECTOR_BYTES 32
#else
#define TESSERA_VECTOR_BYTES 16
#endif
#if defined(__AVX2__) || defined(__aarch64__)
#define TESSERA_HAS_FMA true
#else
#define TESSERA_HAS_FMA false
#endif

/**
 * Set for cores with two 512-bit multiply-add units beside a divider that holds a division for 17 cycles and a root for 19
 * (f64): there, Newton's steps and polynomials take the place of divisions and roots, and more rows go forward together.
 */
#ifndef TESSERA_SLOW_DIVIDER
#define TESSERA_SLOW_DIVIDER false
#endif

namespace TESSERA_ISA {

const bool slowDivider = TESSERA_SLOW_DIVIDER;

template <class Real> struct Bits;
template <> struct Bits<double> {
  typedef int64_t Int;
};
template <> struct Bits<float> {
  typedef int32_t Int;
};

template <class RealType> struct Simd {
  typedef RealType Real;
  typedef typename Bits<Real>::Int Int;
  typedef Real V __attribute__((vector_size(TESSERA_VECTOR_BYTES)));
  typedef Int I __attribute__((vector_size(TESSERA_VECTOR_BYTES)));
  static const int lanes = TESSERA_VECTOR_BYTES / sizeof(Real);

  /** x in every lane; x - 0 is x for every x, -0 included. */
  static TESSERA_INLINE V all(Real x) { return x - V{}; }
  static TESSERA_INLINE V load(const Real* p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
  }
  static TESSERA_INLINE void store(Real* p, V v) { memcpy(p, &v, sizeof v); }
  /** As many doubles, rounded to Real. */
  static V fromDoubles(const double* p);
  static TESSERA_INLINE V abs(V x) { return (V)((I)x & ~(I)all(Real(-0.0))); }
  /** The magnitude of x with the sign of s. */
  static TESSERA_INLINE V withSign(V x, V s) {
    I sign = (I)all(Real(-0.0));
    return (V)(((I)x & ~sign) | ((I)s & sign));
  }
  /** Lanes moved up by one: the last of `before`, then all of `here` but its last. */
  static V shiftUp(V before, V here);
  /** Lanes moved down by one: all of `here` but its first, then the first of `after`. */
  static V shiftDown(V here, V after);
  /** The lanes from last to first. */
  static V reverse(V v);
  /** The sum of the lanes, in a fixed order. */
  static TESSERA_INLINE double sum(V v) {
    double total = 0;
    for (int i = 0; i < lanes; i++) total += v[i];
    return total;
  }
  /** a * b + c, rounded once where hasFma, else twice. */
  static V fma(V a, V b, V c);
  static const bool hasFma = TESSERA_HAS_FMA;
  static V sqrt(V x);
  /** 1 / x of a normal number, within an ULP. */
  static V reciprocal(V x);
  /** yes where a < b, else no; a NaN on either side gives no. */
  static V pickLess(V a, V b, V yes, V no);
  /** Whether a < b in any lane. */
  static bool anyLess(V a, V b);
  static TESSERA_INLINE V larger(V a, V b) { return pickLess(a, b, b, a); }
  /** max(x, 0) that lets NaN through. */
  static V notNegative(V x);
  /** 2^n of an integer n in the low bits of x (elementary.h, expAndExpm1). */
  static TESSERA_INLINE V powerOfTwo(V x, int mantissaBits, Int bias) { return (V)(((I)x << mantissaBits) + (bias << mantissaBits)); }
};

/**
 * N vectors handled as one: each operation on all of them before the next, so that the compiler lays the N chains of
 * a long computation beside each other. A CPU looks ahead too few instructions to find them one after the other.
 */
template <class S, int N> struct Pack {
  static const int count = N;
  typedef typename S::Real Real;
  typedef typename S::Int Int;
  static const bool hasFma = S::hasFma;
  struct V {
    typename S::V v[N];
#define TESSERA_EACH(expression)                                            \
  V result;                                                                 \
  _Pragma("GCC unroll 8") for (int i = 0; i < N; i++) result.v[i] = expression; \
  return result
#define TESSERA_OPERATOR(op)                                                                     \
  friend TESSERA_INLINE V operator op(const V& a, const V& b) { TESSERA_EACH(a.v[i] op b.v[i]); } \
  friend TESSERA_INLINE V operator op(const V& a, Real b) { TESSERA_EACH(a.v[i] op b); }          \
  friend TESSERA_INLINE V operator op(Real a, const V& b) { TESSERA_EACH(a op b.v[i]); }
    TESSERA_OPERATOR(+) TESSERA_OPERATOR(-) TESSERA_OPERATOR(*) TESSERA_OPERATOR(/)
#undef TESSERA_OPERATOR
    TESSERA_INLINE V operator-() const { TESSERA_EACH(-v[i]); }
    TESSERA_INLINE V& operator+=(const V& b) { return *this = *this + b; }
    TESSERA_INLINE V& operator*=(const V& b) { return *this = *this * b; }
  };
  /** from(i) as vector i. */
  template <class From> static TESSERA_INLINE V gather(From from) { TESSERA_EACH(from(i)); }
  static TESSERA_INLINE V same(typename S::V x) { TESSERA_EACH(x); }
  static TESSERA_INLINE V all(Real x) { return same(S::all(x)); }
  static TESSERA_INLINE V load(const Real* p) { TESSERA_EACH(S::load(p + i * S::lanes)); }
  static TESSERA_INLINE void store(Real* p, const V& x) {
    for (int i = 0; i < N; i++) S::store(p + i * S::lanes, x.v[i]);
  }
  static TESSERA_INLINE V abs(const V& x) { TESSERA_EACH(S::abs(x.v[i])); }
  static TESSERA_INLINE V withSign(const V& x, const V& s) { TESSERA_EACH(S::withSign(x.v[i], s.v[i])); }
  static TESSERA_INLINE V fma(const V& a, const V& b, const V& c) { TESSERA_EACH(S::fma(a.v[i], b.v[i], c.v[i])); }
  static TESSERA_INLINE V sqrt(const V& x) { TESSERA_EACH(S::sqrt(x.v[i])); }
  static TESSERA_INLINE V reciprocal(const V& x) { TESSERA_EACH(S::reciprocal(x.v[i])); }
  static TESSERA_INLINE V pickLess(const V& a, const V& b, const V& yes, const V& no) { TESSERA_EACH(S::pickLess(a.v[i], b.v[i], yes.v[i], no.v[i])); }
  static TESSERA_INLINE V notNegative(const V& x) { TESSERA_EACH(S::notNegative(x.v[i])); }
  static TESSERA_INLINE V powerOfTwo(const V& x, int mantissaBits, Int bias) { TESSERA_EACH(S::powerOfTwo(x.v[i], mantissaBits, bias)); }
#undef TESSERA_EACH
  static TESSERA_INLINE bool anyLess(const V& a, const V& b) {
    bool any = false;
    for (int i = 0; i < N; i++) any |= S::anyLess(a.v[i], b.v[i]);
    return any;
  }
};

#if TESSERA_VECTOR_BYTES == 64
#define TESSERA_UP8 7, 8, 9, 10, 11, 12, 13, 14
#define TESSERA_DOWN8 1, 2, 3, 4, 5, 6, 7, 8
#define TESSERA_UP4 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
#define TESSERA_DOWN4 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#elif TESSERA_VECTOR_BYTES == 32
#define TESSERA_UP8 3, 4, 5, 6
#define TESSERA_DOWN8 1, 2, 3, 4
#define TESSERA_UP4 7, 8, 9, 10, 11, 12, 13, 14
#define TESSERA_DOWN4 1, 2, 3, 4, 5, 6, 7, 8
#else
#define TESSERA_UP8 1, 2
#define TESSERA_DOWN8 1, 2
#define TESSERA_UP4 3, 4, 5, 6
#define TESSERA_DOWN4 1, 2, 3, 4
#endif
// The compiler would take permutations, which need their pattern in a register each time.
#if defined(__AVX512F__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::shiftUp(V a, V b) { return (V)_mm512_alignr_epi64((__m512i)b, (__m512i)a, 7); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::shiftDown(V a, V b) { return (V)_mm512_alignr_epi64((__m512i)b, (__m512i)a, 1); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::shiftUp(V a, V b) { return (V)_mm512_alignr_epi32((__m512i)b, (__m512i)a, 15); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::shiftDown(V a, V b) { return (V)_mm512_alignr_epi32((__m512i)b, (__m512i)a, 1); }
#else
template <> TESSERA_INLINE Simd<double>::V Simd<double>::shiftUp(V a, V b) { return __builtin_shufflevector(a, b, TESSERA_UP8); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::shiftDown(V a, V b) { return __builtin_shufflevector(a, b, TESSERA_DOWN8); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::shiftUp(V a, V b) { return __builtin_shufflevector(a, b, TESSERA_UP4); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::shiftDown(V a, V b) { return __builtin_shufflevector(a, b, TESSERA_DOWN4); }
#endif

#if defined(__AVX512F__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::fma(V a, V b, V c) { return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::fma(V a, V b, V c) { return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::sqrt(V x) { return (V)_mm512_sqrt_pd((__m512d)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::sqrt(V x) { return (V)_mm512_sqrt_ps((__m512)x); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::pickLess(V a, V b, V yes, V no) {
  return (V)_mm512_mask_blend_pd(_mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ), (__m512d)no, (__m512d)yes);
}
template <> TESSERA_INLINE Simd<float>::V Simd<float>::pickLess(V a, V b, V yes, V no) {
  return (V)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ), (__m512)no, (__m512)yes);
}
template <> TESSERA_INLINE bool Simd<double>::anyLess(V a, V b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ) != 0; }
template <> TESSERA_INLINE bool Simd<float>::anyLess(V a, V b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ) != 0; }
#else
#if defined(__AVX2__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::fma(V a, V b, V c) { return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::fma(V a, V b, V c) { return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::sqrt(V x) { return (V)_mm256_sqrt_pd((__m256d)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::sqrt(V x) { return (V)_mm256_sqrt_ps((__m256)x); }
#elif defined(__x86_64__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::fma(V a, V b, V c) { return a * b + c; }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::fma(V a, V b, V c) { return a * b + c; }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::sqrt(V x) { return (V)_mm_sqrt_pd((__m128d)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::sqrt(V x) { return (V)_mm_sqrt_ps((__m128)x); }
#elif defined(__aarch64__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::fma(V a, V b, V c) { return (V)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::fma(V a, V b, V c) { return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::sqrt(V x) { return (V)vsqrtq_f64((float64x2_t)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::sqrt(V x) { return (V)vsqrtq_f32((float32x4_t)x); }
#else
template <class R> TESSERA_INLINE typename Simd<R>::V Simd<R>::fma(V a, V b, V c) { return a * b + c; }
template <> TESSERA_INLINE Simd<double>::V Simd<double>::sqrt(V x) {
  for (int i = 0; i < lanes; i++) x[i] = __builtin_sqrt(x[i]);
  return x;
}
template <> TESSERA_INLINE Simd<float>::V Simd<float>::sqrt(V x) {
  for (int i = 0; i < lanes; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
#endif
template <class R> TESSERA_INLINE typename Simd<R>::V Simd<R>::pickLess(V a, V b, V yes, V no) { return a < b ? yes : no; }
#if defined(__AVX2__)
template <> TESSERA_INLINE bool Simd<double>::anyLess(V a, V b) { return _mm256_movemask_pd((__m256d)(a < b)) != 0; }
template <> TESSERA_INLINE bool Simd<float>::anyLess(V a, V b) { return _mm256_movemask_ps((__m256)(a < b)) != 0; }
#elif defined(__x86_64__)
template <> TESSERA_INLINE bool Simd<double>::anyLess(V a, V b) { return _mm_movemask_pd((__m128d)(a < b)) != 0; }
template <> TESSERA_INLINE bool Simd<float>::anyLess(V a, V b) { return _mm_movemask_ps((__m128)(a < b)) != 0; }
#else
template <class R> TESSERA_INLINE bool Simd<R>::anyLess(V a, V b) {
  I mask = a < b;
  Int any = 0;
  for (int i = 0; i < lanes; i++) any |= mask[i];
  return any != 0;
}
#endif
#endif

// x86's maximum gives its second operand where one is NaN.
#if defined(__AVX512F__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::notNegative(V x) { return (V)_mm512_max_pd(_mm512_setzero_pd(), (__m512d)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::notNegative(V x) { return (V)_mm512_max_ps(_mm512_setzero_ps(), (__m512)x); }
#elif defined(__AVX2__)
template <> TESSERA_INLINE Simd<double>::V Simd<double>::notNegative(V x) { return (V)_mm256_max_pd(_mm256_setzero_pd(), (__m256d)x); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::notNegative(V x) { return (V)_mm256_max_ps(_mm256_setzero_ps(), (__m256)x); }
#else
template <class R> TESSERA_INLINE typename Simd<R>::V Simd<R>::notNegative(V x) { return pickLess(x, V{}, V{}, x); }
#endif

#if defined(__AVX512F__) && TESSERA_SLOW_DIVIDER
template <> TESSERA_INLINE Simd<double>::V Simd<double>::reciprocal(V x) {
  V y = (V)_mm512_rcp14_pd((__m512d)x);
  y = fma(y, fma(-x, y, all(1)), y);
  return fma(y, fma(-x, y, all(1)), y);
}
template <> TESSERA_INLINE Simd<float>::V Simd<float>::reciprocal(V x) {
  V y = (V)_mm512_rcp14_ps((__m512)x);
  return fma(y, fma(-x, y, all(1)), y);
}
#else
template <class R> TESSERA_INLINE typename Simd<R>::V Simd<R>::reciprocal(V x) { return Real(1) / x; }
#endif

/** Lane numbers 0..N-1 as template arguments. */
template <int N, int... lane> struct Lanes : Lanes<N - 1, N - 1, lane...> {};
template <int... lane> struct Lanes<0, lane...> {
  /** One vector of two halves. */
  template <class Half> static TESSERA_INLINE auto join(Half low, Half high) { return __builtin_shufflevector(low, high, lane...); }
  template <class V> static TESSERA_INLINE V reverse(V v) { return __builtin_shufflevector(v, v, ((int)sizeof...(lane) - 1 - lane)...); }
  /**
   * Of every 16 bytes, `side` 0 the lower and 1 the upper half of both vectors' groups of `size` numbers, taken in turn:
   * what one instruction does in all widths.
   */
  template <int inSixteen, int size, int side, class V> static TESSERA_INLINE V unpack(V a, V b) {
    const int count = sizeof...(lane);
    return __builtin_shufflevector(a, b, (lane / inSixteen * inSixteen + side * inSixteen / 2 + lane % inSixteen / (2 * size) * size + lane % size + lane / size % 2 * count)...);
  }
};

template <class Real> TESSERA_INLINE typename Simd<Real>::V Simd<Real>::reverse(V v) { return Lanes<lanes>::reverse(v); }

/** Half a vector of floats: as many as a vector of doubles has. */
typedef float HalfFloats __attribute__((vector_size(TESSERA_VECTOR_BYTES / 2)));
template <> TESSERA_INLINE Simd<double>::V Simd<double>::fromDoubles(const double* p) { return load(p); }
template <> TESSERA_INLINE Simd<float>::V Simd<float>::fromDoubles(const double* p) {
  typedef Simd<double> D;
  return Lanes<lanes>::join(__builtin_convertvector(D::load(p), HalfFloats), __builtin_convertvector(D::load(p + D::lanes), HalfFloats));
}
/** Writes a vector of doubles as Real. */
TESSERA_INLINE void storeAs(double* p, Simd<double>::V v) { Simd<double>::store(p, v); }
TESSERA_INLINE void storeAs(float* p, Simd<double>::V v) {
  HalfFloats narrow = __builtin_convertvector(v, HalfFloats);
  memcpy(p, &narrow, sizeof narrow);
}

/** Groups of 16 bytes from `from`, `from + stride` and so on, as one vector. */
template <class S> TESSERA_INLINE typename S::V gatherGroups(const typename S::Real* from, size_t stride) {
#if defined(__AVX2__)
  auto group = [=](int i) { return _mm_loadu_si128((const __m128i*)(from + i * stride)); };
#endif
#if defined(__AVX512F__)
  __m512i v = _mm512_castsi128_si512(group(0));
  v = _mm512_inserti32x4(v, group(1), 1);
  v = _mm512_inserti32x4(v, group(2), 2);
  return (typename S::V)_mm512_inserti32x4(v, group(3), 3);
#elif defined(__AVX2__)
  return (typename S::V)_mm256_inserti128_si256(_mm256_castsi128_si256(group(0)), group(1), 1);
#else
  (void)stride;
  return S::load(from);
#endif
}

/**
 * Writes a square of S::lanes x S::lanes numbers transposed; both lie in rows of a stride. Loads put groups of rows `side`
 * apart into one vector, so that a few rows at a time are transposed within 16 bytes.
 */
template <class S> TESSERA_INLINE void transpose(const typename S::Real* from, size_t fromStride, typename S::Real* to, size_t toStride) {
  typedef typename S::V V;
  typedef Lanes<S::lanes> L;
  const int side = 16 / sizeof(typename S::Real);
#pragma GCC unroll 8
  for (int j = 0; j < S::lanes; j += side) {
    V rows[side];
#pragma GCC unroll 4
    for (int i = 0; i < side; i++) rows[i] = gatherGroups<S>(from + i * fromStride + j, side * fromStride);
    V low = L::template unpack<side, 1, 0>(rows[0], rows[1]), high = L::template unpack<side, 1, 1>(rows[0], rows[1]);
    if constexpr (side == 2) {
      S::store(to + j * toStride, low);
      S::store(to + (j + 1) * toStride, high);
    } else {
      V nextLow = L::template unpack<side, 1, 0>(rows[2], rows[3]), nextHigh = L::template unpack<side, 1, 1>(rows[2], rows[3]);
      S::store(to + j * toStride, L::template unpack<side, 2, 0>(low, nextLow));
      S::store(to + (j + 1) * toStride, L::template unpack<side, 2, 1>(low, nextLow));
      S::store(to + (j + 2) * toStride, L::template unpack<side, 2, 0>(high, nextHigh));
      S::store(to + (j + 3) * toStride, L::template unpack<side, 2, 1>(high, nextHigh));
    }
  }
}

}  // namespace TESSERA_ISA
