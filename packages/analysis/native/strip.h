// Contracts a block of test rows with the predictors and scores what they predict, in one pass: of a few rows the
// differences from the training images' means are made once, multiplied with the solutions of every column from
// registers, and scored, while all of it lies in the first-level cache.
//
// A prediction is a sum over training images in their order, one multiply-add each: its bits do not depend on which rows
// or columns are computed together.
#pragma once
#include "../../engine-native/native/buffer.h"
#include "task.h"
#include "vector.h"

namespace TESSERA_ISA {

// Without it the sums stay in memory.
#define TESSERA_UNROLL _Pragma("GCC unroll 8")

// Rows times vectors of columns are the sums in registers: enough of them that none waits for itself.
#if defined(__AVX512F__) || defined(__aarch64__)
static const int groupRows = 6, panelVectors = 4;
#elif defined(__AVX2__)
static const int groupRows = 4, panelVectors = 3;
#else
static const int groupRows = 3, panelVectors = 4;
#endif
static const int panelColumns = panelVectors * lanes;
/** Training images at a time: differences of a group of rows, 12 KiB, stay in the first-level cache. */
static const int stretch = 256;
/** Numbers of a cache line: what packed parts are padded to. */
static const int line = 8;

/** Where the parts of a packed predictor lie. */
struct Packed {
  int size, padded;
  int64_t center, slopes, constants, panels, length;
  Packed(int sizeOf, int columns) : size(sizeOf), padded(roundUp(columns, panelColumns)) {
    center = line;
    slopes = center + roundUp(size, line);
    constants = slopes + roundUp(padded, line);
    panels = constants + roundUp(padded, line);
    length = panels + roundUp(padded, line) * (int64_t)size;
  }
};

inline int64_t packedLengthOf(int size, int columns) { return Packed(size, columns).length; }

inline void packOf(const PackTask& task) {
  const Packed at(task.size, task.columns);
  const double* from = task.encoded;
  double* to = task.packed;
  memset(to, 0, at.length * sizeof(double));
  memcpy(to, from, 2 * sizeof(double));
  memcpy(to + at.center, from += 2, task.size * sizeof(double));
  memcpy(to + at.slopes, from += task.size, task.columns * sizeof(double));
  memcpy(to + at.constants, from += task.columns, task.columns * sizeof(double));
  from += task.columns;
  for (int first = 0; first < task.columns; first += panelColumns) {
    double* panel = to + at.panels + (int64_t)first * task.size;
    size_t width = smaller(panelColumns, task.columns - first) * sizeof(double);
    for (int k = 0; k < task.size; k++) memcpy(panel + k * panelColumns, from + (int64_t)k * task.columns + first, width);
  }
}

/** sums (R rows, `padded` apart) += differences (R rows, `stretch` apart) x one panel. */
template <int R> static TESSERA_INLINE void multiplyPanel(const double* differences, const double* panel, int count, double* sums, int padded) {
  V total[R][panelVectors];
  TESSERA_UNROLL for (int r = 0; r < R; r++) {
    TESSERA_UNROLL for (int v = 0; v < panelVectors; v++) total[r][v] = load(sums + r * padded + v * lanes);
  }
  for (int k = 0; k < count; k++) {
    V column[panelVectors];
    TESSERA_UNROLL for (int v = 0; v < panelVectors; v++) column[v] = load(panel + (int64_t)k * panelColumns + v * lanes);
    TESSERA_UNROLL for (int r = 0; r < R; r++) {
      V entry = all(differences[r * stretch + k]);
      TESSERA_UNROLL for (int v = 0; v < panelVectors; v++) total[r][v] = fma(entry, column[v], total[r][v]);
    }
  }
  TESSERA_UNROLL for (int r = 0; r < R; r++) {
    TESSERA_UNROLL for (int v = 0; v < panelVectors; v++) store(sums + r * padded + v * lanes, total[r][v]);
  }
}

/** differences = center - values, or the values themselves. @returns the lanes' sums */
template <bool graded, class T> static TESSERA_INLINE V subtract(const double* center, const T* values, int count, double* differences, V total) {
  int k = 0;
  for (; k + lanes <= count; k += lanes) {
    V difference = graded ? load(center + k) - load(values + k) : load(values + k);
    store(differences + k, difference);
    total += difference;
  }
  if (k < count) {
    V difference = graded ? loadPart(center + k, count - k, 0) - loadPart(values + k, count - k, 0) : loadPart(values + k, count - k, 0);
    for (int i = 0; k + i < count; i++) differences[k + i] = difference[i];
    total += difference;
  }
  return total;
}

/** The sums of R rows, raw products in `sums`; u of each row in `offsets`. */
template <int R, bool graded, class T>
static void contractRows(const Packed& at, const double* predictor, const T* values, double* differences, double* sums, double* offsets) {
  V totals[R];
  for (int r = 0; r < R; r++) totals[r] = V{};
  memset(sums, 0, R * at.padded * sizeof(double));
  for (int first = 0; first < at.size; first += stretch) {
    const int count = smaller(stretch, at.size - first);
    for (int r = 0; r < R; r++) {
      const T* row = values + (int64_t)r * at.size + first;
      totals[r] = subtract<graded>(predictor + at.center + first, row, count, differences + r * stretch, totals[r]);
    }
    for (int column = 0; column < at.padded; column += panelColumns) {
      const double* panel = predictor + at.panels + (int64_t)column * at.size + (int64_t)first * panelColumns;
      multiplyPanel<R>(differences, panel, count, sums + column, at.padded);
    }
  }
  for (int r = 0; r < R; r++) offsets[r] = sumOf(totals[r]);
}

/** What the rows of one depth add to its record: images, two squares, then correct, losses and finiteness of each block. */
static TESSERA_INLINE void scoreRow(const StripTask& task, int row, const double* predicted, double* record) {
  const int classes = task.classes, blocks = task.blocks;
  double *correct = record + 3, *loss = correct + blocks, *finite = loss + blocks;
  for (int block = 0; block < blocks; block++) {
    const double* values = predicted + block * classes;
    const double* targets = (block == 0 ? task.meanTargets : task.targets) + row * classes;
    int best = 0;
    double largest = -__builtin_inf(), squares = 0, wrong = 0;
    for (int c = 0; c < classes; c++) {
      double value = values[c];
      if (value > largest) {
        largest = value;
        best = c;
      }
      // 0 of a finite number, else NaN.
      wrong += value - value;
      double difference = value - targets[c];
      squares += difference * difference;
    }
    if (best == task.labels[row]) correct[block] += 1;
    loss[block] += squares / 2;
    if (!(wrong == 0)) finite[block] = 0;
  }
  double predictorSquares = 0, targetSquares = 0;
  for (int c = 0; c < classes; c++) {
    double target = task.meanTargets[row * classes + c];
    predictorSquares += predicted[c] * predicted[c];
    targetSquares += target * target;
  }
  record[0] += 1;
  record[1] += predictorSquares;
  record[2] += targetSquares;
}

template <bool graded, class T> static void contractDepth(const StripTask& task, int depth, const Packed& at, double* memory) {
  const double* predictor = task.predictors + depth * at.length;
  const T* values = (const T*)(graded ? task.complement : task.matrix) + (int64_t)depth * task.rows * task.size;
  const double* deviations = task.rowDeviations + (int64_t)depth * task.rows;
  const int columns = task.classes * task.blocks;
  double* record = task.sums + (int64_t)depth * (3 + 3 * task.blocks);
  double *differences = memory, *sums = memory + groupRows * stretch;
  double offsets[groupRows] = {};
  for (int first = 0; first < task.rows; first += groupRows) {
    const T* rows = values + (int64_t)first * task.size;
    const int count = smaller(groupRows, task.rows - first);
    switch (count) {
#define TESSERA_ROWS(n) case n: contractRows<n, graded, T>(at, predictor, rows, differences, sums, offsets); break
      TESSERA_ROWS(1);
      TESSERA_ROWS(2);
      TESSERA_ROWS(3);
#if defined(__AVX512F__) || defined(__AVX2__) || defined(__aarch64__)
      TESSERA_ROWS(4);
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
      TESSERA_ROWS(5);
      TESSERA_ROWS(6);
#endif
#undef TESSERA_ROWS
    }
    for (int r = 0; r < count; r++) {
      double* predicted = sums + r * at.padded;
      if (graded) {
        V u = all(task.size * ((deviations[first + r] - predictor[1]) / 2) + offsets[r]);
        for (int c = 0; c < at.padded; c += lanes) {
          V affine = u * load(predictor + at.slopes + c) + load(predictor + at.constants + c);
          store(predicted + c, load(predicted + c) + affine);
        }
      }
      scoreRow(task, first + r, predicted, record);
      if (task.predictions)
        memcpy(task.predictions + ((int64_t)depth * task.rows + first + r) * columns, predicted, columns * sizeof(double));
    }
  }
}

template <class T> static int stripIn(const StripTask& task) {
  const Packed at(task.size, task.classes * task.blocks);
  Buffer<double> memory(groupRows * (stretch + at.padded));
  if (memory.missing()) return OUT_OF_MEMORY;
  for (int depth = 0; depth < task.depths; depth++) {
    const bool graded = task.predictors[depth * at.length] == 1;
    if (graded) contractDepth<true, T>(task, depth, at, memory);
    else contractDepth<false, T>(task, depth, at, memory);
  }
  return DONE;
}

inline int stripOf(const StripTask& task) { return task.isFloat ? stripIn<float>(task) : stripIn<double>(task); }

}  // namespace TESSERA_ISA
