// The C ABI of libtessera. No exceptions, no RTTI, no C++ library: everything is plain data and return codes (task.h).
#include <stddef.h>
#include "cpu.h"
#include "task.h"

// Weak: null where build.mjs has left the instruction set out.
#define WEAK extern "C" __attribute__((weak))
#define DECLARE(isa)                                                             \
  WEAK int tessera_readIn_##isa##_double(const ReadInTask&);                     \
  WEAK int tessera_fcn_##isa##_double(const FcnTile&);                           \
  WEAK int tessera_fcn_##isa##_float(const FcnTile&);                            \
  WEAK int tessera_cnn_##isa##_double(const CnnTile&);                           \
  WEAK int tessera_cnn_##isa##_float(const CnnTile&);                            \
  WEAK int tessera_registers_##isa##_double(const RegisterTask&);                \
  WEAK int tessera_registers_##isa##_float(const RegisterTask&);                 \
  WEAK void tessera_elementary_##isa##_double(int, const double*, double*, int); \
  WEAK void tessera_elementary_##isa##_float(int, const float*, float*, int);
#define ENTRY(isa)                                                        \
  {#isa,                                                                  \
   tessera_readIn_##isa##_double,                                         \
   tessera_fcn_##isa##_double,        tessera_fcn_##isa##_float,          \
   tessera_cnn_##isa##_double,        tessera_cnn_##isa##_float,          \
   tessera_registers_##isa##_double,  tessera_registers_##isa##_float,    \
   tessera_elementary_##isa##_double, tessera_elementary_##isa##_float}

#if defined(__x86_64__)
DECLARE(avx512)
DECLARE(avx512dual)
DECLARE(avx2)
DECLARE(sse2)
static const InstructionSet instructionSets[] = {ENTRY(avx512), ENTRY(avx512dual), ENTRY(avx2), ENTRY(sse2)};
static bool available(int index) { return index == 3 || cpuHas(index < 2); }
/** The better one for this CPU of the first two is number 0. */
static int placeOf(int index) { return index < 2 && cpuDividesSlowly() ? 1 - index : index; }
#elif defined(__aarch64__)
DECLARE(neon)
static const InstructionSet instructionSets[] = {ENTRY(neon)};
static bool available(int) { return true; }
static int placeOf(int index) { return index; }
#else
DECLARE(portable)
static const InstructionSet instructionSets[] = {ENTRY(portable)};
static bool available(int) { return true; }
static int placeOf(int index) { return index; }
#endif
static const int instructionSetCount = sizeof instructionSets / sizeof *instructionSets;
static const InstructionSet& setAt(int index) { return instructionSets[placeOf(index)]; }

#define EXPORT extern "C" __attribute__((visibility("default")))

/** The name of instruction set `index`, the best for this CPU first; null past the last. */
EXPORT const char* tessera_instruction_set(int index) { return index < instructionSetCount ? setAt(index).name : NULL; }
/** 1 where it was built and this machine can run it. */
EXPORT int tessera_available(int index) {
  return index >= 0 && index < instructionSetCount && setAt(index).fcnF64 != NULL && available(index);
}

/**
 * integers: instruction set, threads, row count, column count, inputs, symmetric, own. numbers: offset, factor.
 * rowBytes null: the images are rows and cols, else rowBytes and colBytes.
 */
EXPORT int tessera_read_in(const int32_t* integers, const double* numbers, const uint8_t* rowBytes, const uint8_t* colBytes, const double* rows,
                           const double* cols, double* complement, double* rowVariance, double* colVariance, const int32_t* cancel) {
  ReadInTask task = {rows, cols, {rowBytes, colBytes, integers[6] != 0, numbers[0], numbers[1]}, integers[2], integers[3], integers[4], integers[5] != 0,
                     integers[1], complement, rowVariance, colVariance, cancel};
  return setAt(integers[0]).readIn(task);
}

/** Outputs of one kind: addresses of matrix, complement, reference, row and column deviations, any of them null. */
static KindOutput outputOf(void* const* arrays) {
  return {arrays[0], arrays[1], (double*)arrays[2], (double*)arrays[3], (double*)arrays[4]};
}

/**
 * What both kinds of tile begin with. integers: instruction set, threads, row count, column count, symmetric, f32,
 * activation, depth count. numbers: sw2, sb2, a, b, c, reference variance. depths: ascending depths, then their positions, then
 * what is read there.
 * outputs: those of nngp, then of ntk.
 */
static void fillTile(Tile& tile, const int32_t* integers, const double* numbers, const int32_t* depths, void* const* outputs, const int32_t* cancel) {
  tile.network = {numbers[0], numbers[1], integers[6], numbers[2], numbers[3], numbers[4], NULL};
  tile.depths = {integers[7], depths, depths + integers[7], depths + 2 * integers[7]};
  tile.threads = integers[1];
  tile.rowCount = integers[2];
  tile.colCount = integers[3];
  tile.symmetric = integers[4] != 0;
  tile.referenceVariance = numbers[5];
  tile.nngp = outputOf(outputs);
  tile.ntk = outputOf(outputs + 5);
  tile.cancel = cancel;
}

#define OUTPUTS                                                                                                              \
  void *nngpMatrix, void *nngpComplement, void *nngpReference, void *nngpRows, void *nngpCols, void *ntkMatrix, void *ntkComplement, \
      void *ntkReference, void *ntkRows, void *ntkCols
#define OUTPUT_ARRAY                                                                                                                  \
  void* const outputs[] = {nngpMatrix, nngpComplement, nngpReference, nngpRows, nngpCols, ntkMatrix, ntkComplement, ntkReference, ntkRows, ntkCols}

/** Starts from the read-in. Returns an Outcome. */
EXPORT int tessera_fcn(const int32_t* integers, const double* numbers, const int32_t* depths, const double* complement, const double* rowVariance,
                       const double* colVariance, OUTPUTS, const int32_t* cancel) {
  OUTPUT_ARRAY;
  FcnTile tile;
  fillTile(tile, integers, numbers, depths, outputs, cancel);
  tile.complement = complement;
  tile.rowVariance = rowVariance;
  tile.colVariance = colVariance;
  const InstructionSet& set = setAt(integers[0]);
  return integers[5] ? set.fcnF32(tile) : set.fcnF64(tile);
}

/** integers go on: height, width, channels, filter size, circular, pooled. */
EXPORT int tessera_cnn(const int32_t* integers, const double* numbers, const int32_t* depths, const double* rowImages, const double* colImages, OUTPUTS,
                       const int32_t* cancel) {
  OUTPUT_ARRAY;
  CnnTile tile;
  fillTile(tile, integers, numbers, depths, outputs, cancel);
  tile.rowImages = rowImages;
  tile.colImages = colImages;
  tile.height = integers[8];
  tile.width = integers[9];
  tile.channels = integers[10];
  tile.filterSize = integers[11];
  tile.circular = integers[12] != 0;
  tile.pooled = integers[13] != 0;
  const InstructionSet& set = setAt(integers[0]);
  return integers[5] ? set.cnnF32(tile) : set.cnnF64(tile);
}

/**
 * `layers` layers of the arithmetic of tessera_fcn on registers alone. Returns how many entries each layer computed.
 * integers: instruction set, f32, activation, level, theta. numbers: sw2, sb2, a, b, c.
 */
EXPORT int tessera_registers(const int32_t* integers, const double* numbers, int layers, double* sink) {
  RegisterTask task = {{numbers[0], numbers[1], integers[2], numbers[2], numbers[3], numbers[4], NULL}, integers[3] != 0, integers[4] != 0, layers, sink};
  const InstructionSet& set = setAt(integers[0]);
  return integers[1] ? set.registersF32(task) : set.registersF64(task);
}

/** which: 0 atan, 1 2 asin(sqrt x), 2 the segment (sin t - t cos t) / x at that angle t, 3 exp, 4 expm1, 5 tanh; for the accuracy tests. */
EXPORT void tessera_elementary_f64(int isa, int which, const double* x, double* y, int count) { setAt(isa).elementaryF64(which, x, y, count); }
EXPORT void tessera_elementary_f32(int isa, int which, const float* x, float* y, int count) { setAt(isa).elementaryF32(which, x, y, count); }
