// Exact products of byte images, in integers, whatever the instruction set. Sums of a chunk of inputs fit 32 bits; chunks are added as doubles, exact below 2^53.
#pragma once
#include "simd.h"

namespace TESSERA_ISA {

/** Images of one block, and inputs whose products are summed in 32 bits. */
const int BYTE_BLOCK = 64;
const int BYTE_CHUNK = 32768;

#if defined(__AVX512F__)
/** vpdpbusd multiplies bytes by signed bytes: the rows are taken less 128, which makes each product 128 column sums short. */
struct VnniProducts {
  static const int rows = 6, cols = 4, step = 64, flip = 0x80, missing = 128;
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) static void sums(const uint8_t* const* a, const uint8_t* const* b, int from, int to,
                                                                                     int32_t (*out)[cols]) {
    __m512i sum[rows][cols];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) sum[i][j] = _mm512_setzero_si512();
    }
    int t = from;
    for (; t + step <= to; t += step) {
      __m512i y[cols];
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) y[j] = _mm512_loadu_si512(b[j] + t);
#pragma GCC unroll 6
      for (int i = 0; i < rows; i++) {
        const __m512i x = _mm512_loadu_si512(a[i] + t);
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++) sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], y[j], x);
      }
    }
    if (t < to) {
      const __mmask64 inside = (((__mmask64)1) << (to - t)) - 1;
#pragma GCC unroll 6
      for (int i = 0; i < rows; i++) {
        const __m512i x = _mm512_maskz_loadu_epi8(inside, a[i] + t);
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++) sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], _mm512_maskz_loadu_epi8(inside, b[j] + t), x);
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) out[i][j] = _mm512_reduce_add_epi32(sum[i][j]);
    }
  }
};
#endif

/** Sixteen-bit products added in pairs (pmaddwd, or what NEON and plain C++ have instead). */
struct WideProducts {
  static const int flip = 0, missing = 0;
#if defined(__AVX512F__)
  static const int rows = 4, cols = 4, step = 32;
  typedef __m512i Wide;
  static TESSERA_INLINE Wide zero() { return _mm512_setzero_si512(); }
  static TESSERA_INLINE Wide load(const uint8_t* p) { return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i*)p)); }
  static TESSERA_INLINE Wide add(Wide sum, Wide x, Wide y) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, y)); }
#elif defined(__AVX2__)
  static const int rows = 3, cols = 3, step = 16;
  typedef __m256i Wide;
  static TESSERA_INLINE Wide zero() { return _mm256_setzero_si256(); }
  static TESSERA_INLINE Wide load(const uint8_t* p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i*)p)); }
  static TESSERA_INLINE Wide add(Wide sum, Wide x, Wide y) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, y)); }
#elif defined(__x86_64__)
  static const int rows = 3, cols = 3, step = 8;
  typedef __m128i Wide;
  static TESSERA_INLINE Wide zero() { return _mm_setzero_si128(); }
  static TESSERA_INLINE Wide load(const uint8_t* p) { return _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i*)p), _mm_setzero_si128()); }
  static TESSERA_INLINE Wide add(Wide sum, Wide x, Wide y) { return _mm_add_epi32(sum, _mm_madd_epi16(x, y)); }
#elif defined(__aarch64__)
  static const int rows = 4, cols = 4, step = 8;
  struct Wide {
    uint8x8_t bytes;
    uint32x4_t sums;
  };
  static TESSERA_INLINE Wide zero() { return {vdup_n_u8(0), vdupq_n_u32(0)}; }
  static TESSERA_INLINE Wide load(const uint8_t* p) { return {vld1_u8(p), vdupq_n_u32(0)}; }
  static TESSERA_INLINE Wide add(Wide sum, Wide x, Wide y) { return {sum.bytes, vpadalq_u16(sum.sums, vmull_u8(x.bytes, y.bytes))}; }
#else
  static const int rows = 2, cols = 2, step = 1;
  typedef int32_t Wide;
  static TESSERA_INLINE Wide zero() { return 0; }
  static TESSERA_INLINE Wide load(const uint8_t* p) { return *p; }
  static TESSERA_INLINE Wide add(Wide sum, Wide x, Wide y) { return sum + x * y; }
#endif
  static TESSERA_INLINE int32_t total(const Wide& sum) {
#if defined(__aarch64__)
    return (int32_t)vaddvq_u32(sum.sums);
#else
    int32_t parts[sizeof(Wide) / sizeof(int32_t)], result = 0;
    memcpy(parts, &sum, sizeof sum);
    for (int32_t part : parts) result += part;
    return result;
#endif
  }

  /** One step of inputs. Every loop is unrolled and nothing takes the sums' address but inlined code: they stay in registers. */
  static TESSERA_INLINE void accumulate(Wide (&sum)[rows][cols], const uint8_t* const* a, const uint8_t* const* b, int t) {
    Wide y[cols];
#pragma GCC unroll 4
    for (int j = 0; j < cols; j++) y[j] = load(b[j] + t);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
      const Wide x = load(a[i] + t);
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) sum[i][j] = add(sum[i][j], x, y[j]);
    }
  }

  static void sums(const uint8_t* const* rowImages, const uint8_t* const* colImages, int from, int to, int32_t (*out)[cols]) {
    Wide sum[rows][cols];
    const uint8_t *a[rows], *b[cols];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) a[i] = rowImages[i];
#pragma GCC unroll 4
    for (int j = 0; j < cols; j++) b[j] = colImages[j];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) sum[i][j] = zero();
    }
    int t = from;
    for (; t + step <= to; t += step) accumulate(sum, a, b, t);
    if (t < to) {
      uint8_t tails[rows + cols][step] = {};
      const uint8_t *x[rows], *y[cols];
#pragma GCC unroll 4
      for (int i = 0; i < rows; i++) {
        memcpy(tails[i], a[i] + t, to - t);
        x[i] = tails[i];
      }
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) {
        memcpy(tails[rows + j], b[j] + t, to - t);
        y[j] = tails[rows + j];
      }
      accumulate(sum, x, y, 0);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < cols; j++) out[i][j] = total(sum[i][j]);
    }
  }
};

// g++ vectorizes loops of unknown length at -O3 alone; clang does anyway, and does not know the attribute.
#if defined(__GNUC__) && !defined(__clang__)
#define TESSERA_VECTORIZED __attribute__((optimize("O3")))
#else
#define TESSERA_VECTORIZED
#endif

/** Sums of up to BYTE_CHUNK bytes and of their squares. */
TESSERA_VECTORIZED inline void sumBytes(const uint8_t* x, int count, uint32_t& sum, uint32_t& squares) {
  uint32_t part = 0, square = 0;
  for (int t = 0; t < count; t++) {
    part += x[t];
    square += (uint32_t)x[t] * x[t];
  }
  sum = part;
  squares = square;
}

TESSERA_VECTORIZED inline void flipBytes(const uint8_t* __restrict from, uint8_t* __restrict to, size_t count, int flip) {
  for (size_t i = 0; i < count; i++) to[i] = from[i] ^ (uint8_t)flip;
}

/** products[i][j] = <row i, col j> for blocks of images that follow one another. */
template <class Kernel> void byteProducts(const uint8_t* a, int rows, const uint8_t* b, int cols, int inputs, double (*products)[BYTE_BLOCK]) {
  for (int i = 0; i < rows; i++) memset(products[i], 0, sizeof products[i]);
  for (int from = 0; from < inputs; from += BYTE_CHUNK) {
    const int to = inputs - from < BYTE_CHUNK ? inputs : from + BYTE_CHUNK;
    for (int col = 0; col < cols; col += Kernel::cols) {
      const uint8_t *x[Kernel::rows], *y[Kernel::cols];
      for (int j = 0; j < Kernel::cols; j++) y[j] = b + (size_t)(col + j < cols ? col + j : cols - 1) * inputs;
      for (int row = 0; row < rows; row += Kernel::rows) {
        int32_t sums[Kernel::rows][Kernel::cols];
        for (int i = 0; i < Kernel::rows; i++) x[i] = a + (size_t)(row + i < rows ? row + i : rows - 1) * inputs;
        Kernel::sums(x, y, from, to, sums);
        for (int i = 0; i < Kernel::rows && row + i < rows; i++) {
          for (int j = 0; j < Kernel::cols && col + j < cols; j++) products[row + i][col + j] += sums[i][j];
        }
      }
    }
  }
}

/** How products are made: rows are given with `flip` in every byte, and what comes lacks `missing` column sums. */
struct ByteProducts {
  void (*of)(const uint8_t*, int, const uint8_t*, int, int, double (*)[BYTE_BLOCK]);
  int flip, missing;
  template <class Kernel> static ByteProducts by() { return {byteProducts<Kernel>, Kernel::flip, Kernel::missing}; }
};

}  // namespace TESSERA_ISA
