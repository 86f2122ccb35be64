// The C ABI of libtessera-analysis. No exceptions, no RTTI, no C++ library: plain data and return codes (task.h).
#include <stddef.h>
#include <string.h>
#include "../../engine-native/native/cpu.h"
#include "task.h"

// Weak: null where the build has left the instruction set out.
#define WEAK extern "C" __attribute__((weak))
#define DECLARE(isa)                                                            \
  WEAK int64_t tessera_analysis_packedLength_##isa(int size, int columns);      \
  WEAK void tessera_analysis_pack_##isa(const PackTask&);                       \
  WEAK int tessera_analysis_strip_##isa(const StripTask&);                      \
  WEAK void tessera_analysis_scan_##isa(const double*, int, Scan&);             \
  WEAK int tessera_analysis_grade_##isa(GradeTask&);                            \
  WEAK void tessera_analysis_multiply_##isa(const double*, int, const double*, double*); \
  WEAK void tessera_analysis_subtractRankTwo_##isa(double*, int, const double*, const double*);
#define ENTRY(isa)                                                                                      \
  {#isa, tessera_analysis_packedLength_##isa, tessera_analysis_pack_##isa, tessera_analysis_strip_##isa, \
   tessera_analysis_scan_##isa, tessera_analysis_grade_##isa, tessera_analysis_multiply_##isa, \
   tessera_analysis_subtractRankTwo_##isa}

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
/** 1 where it was built and this machine can run it. */
EXPORT int tessera_available(int index) {
  return index >= 0 && index < instructionSetCount && instructionSets[index].strip != NULL && available(index);
}

/** Packed predictors begin at a cache line: buffers for them hold 7 numbers more than their length. */
static double* aligned(const double* numbers) { return (double*)(((uintptr_t)numbers + 63) / 64 * 64); }

/** Numbers of one packed predictor. */
EXPORT int64_t tessera_packed_length(int isa, int size, int columns) { return instructionSets[isa].packedLength(size, columns); }

/** Packs an encoded predictor as number `position` of `packed`. integers: instruction set, size, columns, position. */
EXPORT void tessera_pack(const int32_t* integers, const double* encoded, double* packed) {
  const InstructionSet& set = instructionSets[integers[0]];
  const int size = integers[1], columns = integers[2];
  set.pack({size, columns, encoded, aligned(packed) + integers[3] * set.packedLength(size, columns)});
}

/** integers: instruction set, f32, depths, rows, size, classes, blocks. Arrays as in StripTask. Returns an Outcome. */
EXPORT int tessera_strip(const int32_t* integers, const void* complement, const void* matrix, const double* rowDeviations, const double* predictors,
                         const int32_t* labels, const double* targets, const double* meanTargets, double* sums, double* predictions) {
  StripTask task = {integers[2], integers[3], integers[4], integers[5], integers[6], integers[1] != 0, complement, matrix, rowDeviations,
                    aligned(predictors), labels, targets, meanTargets, sums, predictions};
  return instructionSets[integers[0]].strip(task);
}

/** numbers: not finite, position of the first, largest, trace, sum of squares. integers: instruction set, size. */
EXPORT int tessera_scan(const int32_t* integers, const double* matrix, double* numbers) {
  Scan found;
  instructionSets[integers[0]].scan(matrix, integers[1], found);
  memcpy(numbers, &found, sizeof found);
  return DONE;
}

/**
 * integers: instruction set, size. numbers: the reference; becomes the five of the scan, then alpha, bulk norm, mean
 * deviation, both Frobenius norms. Where entries are not finite the matrix stays as it is.
 */
EXPORT int tessera_grade(const int32_t* integers, double* complement, const double* deviations, double* center, double* beta, double* numbers) {
  GradeTask task = {};
  task.size = integers[1];
  task.complement = complement;
  task.reference = numbers[0];
  task.deviations = deviations;
  task.center = center;
  task.beta = beta;
  const int outcome = instructionSets[integers[0]].grade(task);
  memcpy(numbers, &task.scan, sizeof task.scan);
  const double others[] = {task.alpha, task.bulkNorm, task.meanDeviation, task.frobenius, task.centredFrobenius};
  memcpy(numbers + 5, others, sizeof others);
  return outcome;
}

/** integers: instruction set, size. */
EXPORT int tessera_multiply(const int32_t* integers, const double* matrix, const double* x, double* product) {
  instructionSets[integers[0]].multiply(matrix, integers[1], x, product);
  return DONE;
}

/** integers: instruction set, size. */
EXPORT int tessera_subtract_rank_two(const int32_t* integers, double* matrix, const double* z, const double* y) {
  instructionSets[integers[0]].subtractRankTwo(matrix, integers[1], z, y);
  return DONE;
}
