// What the C ABI hands to the code of one instruction set. Plain data, no ownership.
#pragma once
#include <stdint.h>

enum ActivationKind { IDENTITY, ABRELU, ERF, GELU, SIN, RBF, TANH };
enum Outcome { DONE = 0, CANCELLED = 1, OUT_OF_MEMORY = 2, BAD_ARGUMENT = 3 };

/** A network's numbers: sw2, sb2 and the activation (abrelu a, b; sin a, b, c; rbf gamma). */
struct Network {
  double weightVariance, biasVariance;
  int activation;
  double a, b, c;
  /** tanh alone: its TanhTable. */
  const void* table;
};

/** Depths in ascending order and where each lies in the task's order. */
struct Depths {
  int count;
  const int32_t* depth;
  const int32_t* position;
};

/** One tile. Outputs are (depths, rows, cols) in the precision of the code that is called; either may be null. */
struct Tile {
  Network network;
  Depths depths;
  int rowCount, colCount;
  bool symmetric;
  int threads;
  void *nngp, *ntk;
  const volatile int32_t* cancel;
};

/** A fully connected tile starts from the read-in's covariances, (rows, cols), and variances. */
struct FcnTile : Tile {
  const double *covariance, *rowVariance, *colVariance;
};

/** A convolutional tile starts from the images, (count, height, width, channels). */
struct CnnTile : Tile {
  const double *rowImages, *colImages;
  int height, width, channels, filterSize;
  bool circular, pooled;
};

/** Gram[i, j] = <row i, col j> / inputs; symmetric: cols = rows. */
struct GramTask {
  const double *rows, *cols;
  int rowCount, colCount, inputs;
  bool symmetric;
  int threads;
  double* gram;
  const volatile int32_t* cancel;
};

/** One instruction set's entry points. */
struct InstructionSet {
  const char* name;
  int (*gram)(const GramTask&);
  int (*variances)(const double* images, int count, int inputs, double* variance);
  int (*fcnF64)(const FcnTile&);
  int (*fcnF32)(const FcnTile&);
  int (*cnnF64)(const CnnTile&);
  int (*cnnF32)(const CnnTile&);
  /** Elementary functions on arrays, for the accuracy tests: which = asin, acos, exp, expm1, tanh. */
  void (*elementaryF64)(int which, const double* x, double* y, int count);
  void (*elementaryF32)(int which, const float* x, float* y, int count);
};

/** A piece of work for a thread, numbered 0..units-1; returns an Outcome. */
typedef int (*WorkUnit)(const void* context, int unit);
/** Runs every unit on up to `threads` threads, in any order; the first outcome that is not DONE ends it. */
int runUnits(WorkUnit work, const void* context, int units, int threads);
