// Vectors of doubles in the width of the instruction set this file is compiled for. Contraction of a * b + c is off in
// every build, so a lane's bits depend on its operands alone; fma() is written out where it is wanted.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define TESSERA_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define TESSERA_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define TESSERA_VECTOR_BYTES 32
#else
#define TESSERA_VECTOR_BYTES 16
#endif

namespace TESSERA_ISA {

typedef double V __attribute__((vector_size(TESSERA_VECTOR_BYTES)));
typedef float HalfWidth __attribute__((vector_size(TESSERA_VECTOR_BYTES / 2)));
typedef int64_t I __attribute__((vector_size(TESSERA_VECTOR_BYTES)));
static const int lanes = TESSERA_VECTOR_BYTES / sizeof(double);

static TESSERA_INLINE V all(double x) { return x - V{}; }
static TESSERA_INLINE V load(const double* p) {
  V v;
  memcpy(&v, p, sizeof v);
  return v;
}
static TESSERA_INLINE V load(const float* p) {
  HalfWidth v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, V);
}
static TESSERA_INLINE void store(double* p, V v) { memcpy(p, &v, sizeof v); }
static TESSERA_INLINE V magnitude(V x) { return (V)((I)x & ~(I)all(-0.0)); }
static TESSERA_INLINE V larger(V a, V b) {
  I mask = a < b;
  return (V)(((I)b & mask) | ((I)a & ~mask));
}

/** a * b + c, rounded once where the machine can, else twice. */
static TESSERA_INLINE V fma(V a, V b, V c) {
#if defined(__AVX512F__)
  return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
  return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (V)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

/** The lanes' sum, in order. */
static TESSERA_INLINE double sumOf(V v) {
  double total = 0;
  for (int i = 0; i < lanes; i++) total += v[i];
  return total;
}
static TESSERA_INLINE double largestOf(V v) {
  double most = v[0];
  for (int i = 1; i < lanes; i++) most = v[i] > most ? v[i] : most;
  return most;
}

/** The first `count` < lanes numbers, the other lanes `rest`. */
template <class T> static TESSERA_INLINE V loadPart(const T* p, int count, double rest) {
  V v = all(rest);
  for (int i = 0; i < count; i++) v[i] = p[i];
  return v;
}

}  // namespace TESSERA_ISA
