// The C ABI of libtessera. No exceptions, no RTTI, no C++ library: everything is plain data and return codes (task.h).
#include <stddef.h>
#include "cpu.h"
#include "task.h"

#define DECLARE(isa)                                                                                  \
  extern "C" int tessera_gram_##isa##_double(const GramTask&);                                        \
  extern "C" int tessera_variances_##isa##_double(const double*, int, int, double*);                  \
  extern "C" int tessera_fcn_##isa##_double(const FcnTile&);                                          \
  extern "C" int tessera_fcn_##isa##_float(const FcnTile&);                                           \
  extern "C" int tessera_cnn_##isa##_double(const CnnTile&);                                          \
  extern "C" int tessera_cnn_##isa##_float(const CnnTile&);                                           \
  extern "C" void tessera_elementary_##isa##_double(int, const double*, double*, int);                \
  extern "C" void tessera_elementary_##isa##_float(int, const float*, float*, int);
#define ENTRY(isa)                                                                                    \
  {#isa,                                                                                              \
   tessera_gram_##isa##_double,       tessera_variances_##isa##_double,                               \
   tessera_fcn_##isa##_double,        tessera_fcn_##isa##_float,                                      \
   tessera_cnn_##isa##_double,        tessera_cnn_##isa##_float,                                      \
   tessera_elementary_##isa##_double, tessera_elementary_##isa##_float}

#if defined(__x86_64__)
DECLARE(avx512)
DECLARE(avx2)
DECLARE(sse2)
static const InstructionSet instructionSets[] = {ENTRY(avx512), ENTRY(avx2), ENTRY(sse2)};
static bool available(int index) { return index == 2 || cpuHas(index == 0); }
#elif defined(__aarch64__)
DECLARE(neon)
static const InstructionSet instructionSets[] = {ENTRY(neon)};
static bool available(int) { return true; }
#else
DECLARE(portable)
static const InstructionSet instructionSets[] = {ENTRY(portable)};
static bool available(int) { return true; }
#endif
static const int instructionSetCount = sizeof instructionSets / sizeof *instructionSets;

#define EXPORT extern "C" __attribute__((visibility("default")))

/** The name of instruction set `index`, widest first; null past the last. */
EXPORT const char* tessera_instruction_set(int index) { return index < instructionSetCount ? instructionSets[index].name : NULL; }
/** 1 where this machine can run it. */
EXPORT int tessera_available(int index) { return index >= 0 && index < instructionSetCount && available(index); }

/** integers: instruction set, threads, row count, column count, inputs, symmetric. */
EXPORT int tessera_gram(const int32_t* integers, const double* rows, const double* cols, double* gram, const int32_t* cancel) {
  GramTask task = {rows, cols, integers[2], integers[3], integers[4], integers[5] != 0, integers[1], gram, cancel};
  return instructionSets[integers[0]].gram(task);
}

/** integers: instruction set, count, inputs. */
EXPORT int tessera_variance(const int32_t* integers, const double* images, double* variance, const int32_t* cancel) {
  (void)cancel;
  return instructionSets[integers[0]].variances(images, integers[1], integers[2], variance);
}

/** What both kinds of tile begin with. integers: instruction set, threads, row count, column count, symmetric, f32, activation, depth count. */
static void fillTile(Tile& tile, const int32_t* integers, const double* numbers, const int32_t* depths, void* nngp, void* ntk, const int32_t* cancel) {
  tile.network = {numbers[0], numbers[1], integers[6], numbers[2], numbers[3], numbers[4], NULL};
  tile.depths = {integers[7], depths, depths + integers[7]};
  tile.threads = integers[1];
  tile.rowCount = integers[2];
  tile.colCount = integers[3];
  tile.symmetric = integers[4] != 0;
  tile.nngp = nngp;
  tile.ntk = ntk;
  tile.cancel = cancel;
}

/** numbers: sw2, sb2, a, b, c. depths: ascending depths, then their positions. nngp, ntk: outputs or null. Returns an Outcome. */
EXPORT int tessera_fcn(const int32_t* integers, const double* numbers, const int32_t* depths, const double* covariance, const double* rowVariance,
                       const double* colVariance, void* nngp, void* ntk, const int32_t* cancel) {
  FcnTile tile;
  fillTile(tile, integers, numbers, depths, nngp, ntk, cancel);
  tile.covariance = covariance;
  tile.rowVariance = rowVariance;
  tile.colVariance = colVariance;
  const InstructionSet& set = instructionSets[integers[0]];
  return integers[5] ? set.fcnF32(tile) : set.fcnF64(tile);
}

/** integers go on: height, width, channels, filter size, circular, pooled. */
EXPORT int tessera_cnn(const int32_t* integers, const double* numbers, const int32_t* depths, const double* rowImages, const double* colImages,
                       void* nngp, void* ntk, const int32_t* cancel) {
  CnnTile tile;
  fillTile(tile, integers, numbers, depths, nngp, ntk, cancel);
  tile.rowImages = rowImages;
  tile.colImages = colImages;
  tile.height = integers[8];
  tile.width = integers[9];
  tile.channels = integers[10];
  tile.filterSize = integers[11];
  tile.circular = integers[12] != 0;
  tile.pooled = integers[13] != 0;
  const InstructionSet& set = instructionSets[integers[0]];
  return integers[5] ? set.cnnF32(tile) : set.cnnF64(tile);
}

/** which: 0 asin, 1 acos, 2 exp, 3 expm1, 4 tanh; for the accuracy tests. */
EXPORT void tessera_elementary_f64(int isa, int which, const double* x, double* y, int count) { instructionSets[isa].elementaryF64(which, x, y, count); }
EXPORT void tessera_elementary_f32(int isa, int which, const float* x, float* y, int count) { instructionSets[isa].elementaryF32(which, x, y, count); }
