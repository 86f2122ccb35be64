// Passes over whole matrices: what graded-matrix.ts defines, and the products of top-vector.ts.
#pragma once
#include <math.h>
#include "../../engine-native/native/buffer.h"
#include "task.h"
#include "vector.h"

namespace TESSERA_ISA {

/** Compensated sum (Neumaier). */
inline double carefulSum(const double* values, int count) {
  double total = 0, lost = 0;
  for (int i = 0; i < count; i++) {
    double value = values[i], next = total + value;
    lost += __builtin_fabs(total) >= __builtin_fabs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** Calls work(vector, position, lanes in use) along a row. Lanes beyond the last number hold `rest`. */
template <class Work> static TESSERA_INLINE void along(const double* row, int count, double rest, Work work) {
  int i = 0;
  for (; i + lanes <= count; i += lanes) work(load(row + i), i, lanes);
  if (i < count) work(loadPart(row + i, count - i, rest), i, count - i);
}

/** @param sums of each row, or null */
inline void scanRows(const double* matrix, int size, Scan& found, double* sums) {
  double notFinite = 0, first = -1, trace = 0;
  V largest = V{}, squares = V{};
  for (int row = 0; row < size; row++) {
    const double* numbers = matrix + (int64_t)row * size;
    V sum = V{}, rowLargest = V{}, rowSquares = V{};
    along(numbers, size, 0, [&](V value, int, int) {
      sum += value;
      rowSquares = fma(value, value, rowSquares);
      rowLargest = larger(rowLargest, magnitude(value));
    });
    double total = sumOf(sum);
    // A sum is a number where every entry is, unless it overflows: only then does one look again.
    if (!(total - total == 0)) {
      rowLargest = rowSquares = V{};
      for (int col = 0; col < size; col++) {
        double value = numbers[col];
        if (value - value == 0) {
          rowLargest = larger(rowLargest, all(__builtin_fabs(value)));
          rowSquares[0] += value * value;
        } else {
          if (first < 0) first = (double)row * size + col;
          notFinite++;
        }
      }
    }
    largest = larger(largest, rowLargest);
    squares += rowSquares;
    if (sums) sums[row] = total;
    trace += numbers[row];
  }
  found = {notFinite, first, largestOf(largest), trace, sumOf(squares)};
}

/** row . x, in four times the lanes. */
static TESSERA_INLINE double dotOf(const double* row, const double* x, int count) {
  V a = V{}, b = V{}, c = V{}, d = V{};
  int i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    a = fma(load(row + i), load(x + i), a);
    b = fma(load(row + i + lanes), load(x + i + lanes), b);
    c = fma(load(row + i + 2 * lanes), load(x + i + 2 * lanes), c);
    d = fma(load(row + i + 3 * lanes), load(x + i + 3 * lanes), d);
  }
  for (; i + lanes <= count; i += lanes) a = fma(load(row + i), load(x + i), a);
  if (i < count) b = fma(loadPart(row + i, count - i, 0), loadPart(x + i, count - i, 0), b);
  return sumOf((a + b) + (c + d));
}

inline int gradeOf(GradeTask& task) {
  const int size = task.size, side = size - 1;
  double* entries = task.complement;
  Buffer<double> memory(4 * (int64_t)size);
  if (memory.missing()) return OUT_OF_MEMORY;
  double *sums = memory, *norms = sums + size, *q = norms + size, *rotated = q + size;
  scanRows(entries, size, task.scan, sums);
  if (task.scan.notFinite > 0) return DONE;
  // Squares of deep networks' complements underflow.
  const double scale = task.scan.largest > 0 ? task.scan.largest : 1;
  const double mean = carefulSum(sums, size) / size / size;

  // The mean goes first: what is left cancels nothing.
  double squares = 0, centredSquares = 0;
  for (int row = 0; row < size; row++) {
    V sum = V{}, whole = V{}, centred = V{};
    along(entries + (int64_t)row * size, size, mean, [&](V value, int, int count) {
      V difference = value - all(mean), relative = value / all(scale), change = difference / all(scale);
      if (count < lanes)
        for (int i = count; i < lanes; i++) relative[i] = 0;
      sum += difference;
      whole = fma(relative, relative, whole);
      centred = fma(change, change, centred);
    });
    sums[row] = sumOf(sum);
    squares += sumOf(whole);
    centredSquares += sumOf(centred);
  }
  task.frobenius = scale * sqrt(squares);
  task.centredFrobenius = scale * sqrt(centredSquares);

  // H = I - tau v v^T, v = 1/sqrt(m) + e_0; q = tau p - (tau^2 v.p / 2) v with p = (E - mean) v.
  const double root = sqrt((double)size), tau = 1 / (1 + 1 / root);
  for (int i = 0; i < size; i++) q[i] = sums[i] / root + (entries[i] - mean);
  const double half = tau * tau * (q[0] + carefulSum(q, size) / root) / 2;
  for (int i = 0; i < size; i++) q[i] = tau * q[i] - half * (1 / root + (i == 0 ? 1 : 0));
  const double first = 1 / root + 1;
  const double corner = (entries[0] - mean) - 2 * first * q[0];

  task.meanDeviation = carefulSum(task.deviations, size) / size;
  // H d, outside its first direction.
  const double total = carefulSum(task.deviations, size);
  const double share = tau * (task.deviations[0] + total / root) / root;
  for (int i = 1; i < size; i++) {
    rotated[i] = task.deviations[i] - share;
    double entry = entries[i] - mean - q[0] / root - q[i] * first;
    task.beta[i - 1] = (-root * rotated[i]) / 2 - entry;
  }
  task.alpha = size * (task.reference + task.meanDeviation) - (corner + size * mean);
  for (int i = 0; i < size; i++) {
    task.center[i] = sums[i] / size + mean;
    q[i] /= root;
  }

  // Row by row to the front: what is written lies behind what is still to be read.
  double bulkNorm = 0;
  for (int row = 0; row < side; row++) {
    const double* from = entries + (int64_t)(row + 1) * size + 1;
    double* to = entries + (int64_t)row * side;
    const V rowShare = all(q[row + 1]), middle = all(mean);
    V norm = V{};
    int col = 0;
    for (; col + lanes <= side; col += lanes) {
      V value = (rowShare + load(q + 1 + col)) - (load(from + col) - middle);
      store(to + col, value);
      norm += magnitude(value);
    }
    double rowNorm = sumOf(norm);
    for (; col < side; col++) {
      double value = (q[row + 1] + q[1 + col]) - (from[col] - mean);
      to[col] = value;
      rowNorm += __builtin_fabs(value);
    }
    bulkNorm = rowNorm > bulkNorm ? rowNorm : bulkNorm;
  }
  task.bulkNorm = bulkNorm;
  return DONE;
}

/** A x of a row-major matrix. */
inline void multiplyOf(const double* matrix, int size, const double* x, double* product) {
  for (int row = 0; row < size; row++) product[row] = dotOf(matrix + (int64_t)row * size, x, size);
}

/** A - z y^T - y z^T of a symmetric A, on and above the diagonal alone: the triangle that LAPACK reads as its lower. */
inline void subtractRankTwoOf(double* matrix, int size, const double* z, const double* y) {
  for (int row = 0; row < size; row++) {
    double* numbers = matrix + (int64_t)row * size;
    const V zRow = all(z[row]), yRow = all(y[row]);
    int col = row;
    for (; col + lanes <= size; col += lanes) {
      V change = zRow * load(y + col) + yRow * load(z + col);
      store(numbers + col, load(numbers + col) - change);
    }
    for (; col < size; col++) numbers[col] -= z[row] * y[col] + y[row] * z[col];
  }
}

}  // namespace TESSERA_ISA
