// Which instruction sets this CPU and operating system offer: cpuid and xgetbv, because __builtin_cpu_supports answers
// no under zig.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>

inline bool cpuHas(bool avx512) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
  if ((c & (fma | osxsave | avx)) != (fma | osxsave | avx)) return false;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  const unsigned ymm = 0x6, zmm = 0xe6;
  if ((low & (avx512 ? zmm : ymm)) != (avx512 ? zmm : ymm)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const unsigned avx2 = 1u << 5, f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
  const unsigned wanted = avx2 | (avx512 ? f | dq | bw | vl : 0);
  return (b & wanted) == wanted;
}

/** Whether divisions and roots are slow beside multiply-adds (simd.h, TESSERA_SLOW_DIVIDER): Intel's cores, to this day. */
inline bool cpuDividesSlowly() {
  unsigned a, b, c, d;
  return __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx && c == signature_INTEL_ecx && d == signature_INTEL_edx;
}

/** Products of bytes summed four at a time (AVX-512 VNNI), on a CPU that has the rest of AVX-512. */
inline bool cpuHasVnni() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & (1u << 11)) != 0;
}
#endif
