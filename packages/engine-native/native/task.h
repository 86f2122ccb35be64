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

/** What is read at a depth. */
enum ArrayBit { MATRIX = 1, COMPLEMENT = 2 };

/** Depths in ascending order, where each lies in the task's order, and what is read there: others may be left out. */
struct Depths {
  int count;
  const int32_t* depth;
  const int32_t* position;
  const int32_t* read;
};

/**
 * What is wanted of one kind, null where it is not. matrix and complement are (depths, rows, cols) in the precision of
 * the code that is called; reference (depths), rowDeviations (depths, rows), colDeviations (depths, cols). Of a kind that
 * is wanted at all the last three are never null.
 */
struct KindOutput {
  void *matrix, *complement;
  double *reference, *rowDeviations, *colDeviations;
  bool wanted() const { return reference != 0; }
};

/** One tile. Deviations of variances are counted from referenceVariance at the read-in. */
struct Tile {
  Network network;
  Depths depths;
  int rowCount, colCount;
  bool symmetric;
  int threads;
  double referenceVariance;
  KindOutput nngp, ntk;
  const volatile int32_t* cancel;
};

/** A fully connected tile starts from the read-in's complements, (rows, cols), and variances. */
struct FcnTile : Tile {
  const double *complement, *rowVariance, *colVariance;
};

/** A convolutional tile starts from the images, (count, height, width, channels). */
struct CnnTile : Tile {
  const double *rowImages, *colImages;
  int height, width, channels, filterSize;
  bool circular, pooled;
};

/** The bytes that images x = (byte - offset) * factor were made of; own: each less its own mean, scaled to |x|^2 = inputs. */
struct BytePixels {
  const uint8_t *rows, *cols;
  bool own;
  double offset, factor;
};

/**
 * The read-in of a fully connected network: complement[i, j] = |row i - col j|^2 / (2 inputs) and the variances
 * |x|^2 / inputs. symmetric: cols = rows. Images come as bytes, or where bytes.rows is null as numbers.
 */
struct ReadInTask {
  const double *rows, *cols;
  BytePixels bytes;
  int rowCount, colCount, inputs;
  bool symmetric;
  int threads;
  double *complement, *rowVariance, *colVariance;
  const volatile int32_t* cancel;
};

/** A rate to be measured: `layers` layers of one activation on vectors that never leave the registers. */
struct RegisterTask {
  Network network;
  bool level;
  /** Theta beside delta and Delta. */
  bool theta;
  int layers;
  /** Takes a number that depends on all results, so that none is optimised away. */
  double* sink;
};

/** One instruction set's entry points. */
struct InstructionSet {
  const char* name;
  int (*readIn)(const ReadInTask&);
  int (*fcnF64)(const FcnTile&);
  int (*fcnF32)(const FcnTile&);
  int (*cnnF64)(const CnnTile&);
  int (*cnnF32)(const CnnTile&);
  /** Return how many entries a layer computed at once. */
  int (*registersF64)(const RegisterTask&);
  int (*registersF32)(const RegisterTask&);
  /** Elementary functions on arrays, for the accuracy tests: which as in library.cpp. */
  void (*elementaryF64)(int which, const double* x, double* y, int count);
  void (*elementaryF32)(int which, const float* x, float* y, int count);
};

/** A piece of work for a thread, numbered 0..units-1; returns an Outcome. */
typedef int (*WorkUnit)(const void* context, int unit);
/** Runs every unit on up to `threads` threads, begun in ascending order; the first outcome that is not DONE ends it. */
int runUnits(WorkUnit work, const void* context, int units, int threads);
