// What the C ABI hands to the code of one instruction set. Plain data, no ownership.
#pragma once
#include <stdint.h>

enum Outcome { DONE = 0, OUT_OF_MEMORY = 2 };

/** A predictor as packages/analysis encodes it: route, mean deviation, center, slopes, constants, solutions (size, columns). */
struct PackTask {
  int size, columns;
  const double* encoded;
  /** packedLength numbers, aligned to a cache line. */
  double* packed;
};

/** A block of test rows of one kind at every depth, contracted with the predictors of each. */
struct StripTask {
  int depths, rows, size, classes, blocks;
  bool isFloat;
  /** (depths, rows, size) in double or float; null where no depth takes it. */
  const void *complement, *matrix;
  /** (depths, rows). */
  const double* rowDeviations;
  /** Packed, one after the other, aligned to a cache line. */
  const double* predictors;
  /** (rows), (rows, classes). */
  const int32_t* labels;
  const double *targets, *meanTargets;
  /** (depths, 3 + 3 blocks) as StripScores are encoded; what these rows give is added. */
  double* sums;
  /** (depths, rows, blocks * classes), or null. */
  double* predictions;
};

/** What one look at every entry of a matrix tells. */
struct Scan {
  double notFinite, first, largest, trace, squares;
};

/** A complement, (size, size), taken into the basis H in its own place (graded-matrix.ts). */
struct GradeTask {
  int size;
  double* complement;
  double reference;
  const double* deviations;
  /** (size), (size - 1). */
  double *center, *beta;
  Scan scan;
  double alpha, bulkNorm, meanDeviation, frobenius, centredFrobenius;
};

/** One instruction set's entry points. */
struct InstructionSet {
  const char* name;
  int64_t (*packedLength)(int size, int columns);
  void (*pack)(const PackTask&);
  int (*strip)(const StripTask&);
  void (*scan)(const double* matrix, int size, Scan& found);
  int (*grade)(GradeTask&);
  void (*multiply)(const double* matrix, int size, const double* x, double* product);
  void (*subtractRankTwo)(double* matrix, int size, const double* z, const double* y);
};
