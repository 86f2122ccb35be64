// The read-in of a fully connected network: mean products of images. Every entry is summed in the same order wherever
// it lies in whatever tile: lane t mod L takes product t, the lanes are added in order at the end.
#pragma once
#include "buffer.h"
#include "simd.h"
#include "task.h"

namespace TESSERA_ISA {

typedef Simd<double> Doubles;
// Rows x columns whose partial sums stay in registers: 24 + 5 of AVX-512's 32, 12 + 4 of the others' 16.
#if defined(__AVX512F__) || defined(__aarch64__)
const int GRAM_ROWS = 6, GRAM_COLS = 4;
#else
const int GRAM_ROWS = 3, GRAM_COLS = 4;
#endif

inline Doubles::V loadTail(const double* p, int count) {
  Doubles::V v{};
  memcpy(&v, p, count * sizeof(double));
  return v;
}

/** Rows row..row+5 by columns col..col+3; past the ends the last image is repeated and not stored. */
inline void gramBlock(const GramTask& task, int row, int col) {
  typedef Doubles::V V;
  const int n = task.inputs;
  const double *a[GRAM_ROWS], *b[GRAM_COLS];
  for (int i = 0; i < GRAM_ROWS; i++) a[i] = task.rows + (size_t)smaller(row + i, task.rowCount - 1) * n;
  for (int j = 0; j < GRAM_COLS; j++) b[j] = task.cols + (size_t)smaller(col + j, task.colCount - 1) * n;
  V sum[GRAM_ROWS][GRAM_COLS] = {};
  int t = 0;
  for (; t + Doubles::lanes <= n; t += Doubles::lanes) {
    V y[GRAM_COLS];
#pragma GCC unroll 8
    for (int j = 0; j < GRAM_COLS; j++) y[j] = Doubles::load(b[j] + t);
#pragma GCC unroll 8
    for (int i = 0; i < GRAM_ROWS; i++) {
      V x = Doubles::load(a[i] + t);
#pragma GCC unroll 8
      for (int j = 0; j < GRAM_COLS; j++) sum[i][j] = Doubles::fma(x, y[j], sum[i][j]);
    }
  }
  for (int i = 0; i < GRAM_ROWS; i++) {
    for (int j = 0; j < GRAM_COLS; j++) {
      if (row + i >= task.rowCount || col + j >= task.colCount) continue;
      V total = sum[i][j];
      if (t < n) total = Doubles::fma(loadTail(a[i] + t, n - t), loadTail(b[j] + t, n - t), total);
      task.gram[(size_t)(row + i) * task.colCount + col + j] = Doubles::sum(total) / n;
    }
  }
}

/** One unit: GRAM_ROWS rows, all columns (from the diagonal on where the tile is symmetric). */
inline int gramRows(const void* context, int unit) {
  const GramTask& task = *(const GramTask*)context;
  int row = unit * GRAM_ROWS;
  for (int col = task.symmetric ? row / GRAM_COLS * GRAM_COLS : 0; col < task.colCount; col += GRAM_COLS) {
    if (*task.cancel) return CANCELLED;
    gramBlock(task, row, col);
  }
  return DONE;
}

/** |image|^2 / inputs of each image, in gramBlock's order of summation. */
inline int variancesOf(const double* images, int count, int inputs, double* variance) {
  for (int i = 0; i < count; i++) {
    const double* x = images + (size_t)i * inputs;
    Doubles::V sum{};
    int t = 0;
    for (; t + Doubles::lanes <= inputs; t += Doubles::lanes) sum = Doubles::fma(Doubles::load(x + t), Doubles::load(x + t), sum);
    if (t < inputs) sum = Doubles::fma(loadTail(x + t, inputs - t), loadTail(x + t, inputs - t), sum);
    variance[i] = Doubles::sum(sum) / inputs;
  }
  return DONE;
}

inline int gramOf(const GramTask& task) {
  int outcome = runUnits(gramRows, &task, (task.rowCount + GRAM_ROWS - 1) / GRAM_ROWS, task.threads);
  if (outcome != DONE || !task.symmetric) return outcome;
  for (int i = 0; i < task.rowCount; i++) {
    for (int j = i + 1; j < task.colCount; j++) task.gram[(size_t)j * task.colCount + i] = task.gram[(size_t)i * task.colCount + j];
  }
  return DONE;
}

}  // namespace TESSERA_ISA
