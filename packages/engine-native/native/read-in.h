// The read-in of a fully connected network: of each pair of images |a - b|^2 / (2 n), of each image |x|^2 / n.
//
// Byte images: all sums are integers and exact, so the difference of two images is as exact where they are alike as
// elsewhere. Other images: mean products, summed for every entry in the same order wherever it lies in whatever tile
// (lane t mod L takes product t, the lanes are added in order at the end); pairs so close that the difference of
// variances and product has lost digits are summed again by differences. Of a symmetric tile only entries on and above
// the diagonal mean anything.
#pragma once
#include "buffer.h"
#include "byte-products.h"
#include "cpu.h"
#include "task.h"

namespace TESSERA_ISA {

typedef Simd<double> Doubles;
// Rows x columns whose partial sums stay in registers: 24 + 5 of AVX-512's 32, 12 + 4 of the others' 16.
#if defined(__AVX512F__) || defined(__aarch64__)
const int GRAM_ROWS = 6, GRAM_COLS = 4;
#else
const int GRAM_ROWS = 3, GRAM_COLS = 4;
#endif
/** Rows of one unit: they stay in the second-level cache while all columns pass. */
const int GRAM_UNIT = 4 * GRAM_ROWS;
/** A pair whose complement is below this part of its variance is summed by differences. */
const double NEAR = 1.0 / 64;

inline Doubles::V loadTail(const double* p, int count) {
  Doubles::V v{};
  memcpy(&v, p, count * sizeof(double));
  return v;
}

/** |x - y|^2 in gramBlock's order of summation. */
inline double squaredDistance(const double* x, const double* y, int inputs) {
  Doubles::V sum{};
  int t = 0;
  for (; t + Doubles::lanes <= inputs; t += Doubles::lanes) {
    Doubles::V d = Doubles::load(x + t) - Doubles::load(y + t);
    sum = Doubles::fma(d, d, sum);
  }
  if (t < inputs) {
    Doubles::V d = loadTail(x + t, inputs - t) - loadTail(y + t, inputs - t);
    sum = Doubles::fma(d, d, sum);
  }
  return Doubles::sum(sum);
}

/** |x|^2 / inputs of each image, in gramBlock's order of summation. */
inline void variancesOf(const double* images, int count, int inputs, double* variance) {
  for (int i = 0; i < count; i++) {
    const double* x = images + (size_t)i * inputs;
    Doubles::V sum{};
    int t = 0;
    for (; t + Doubles::lanes <= inputs; t += Doubles::lanes) sum = Doubles::fma(Doubles::load(x + t), Doubles::load(x + t), sum);
    if (t < inputs) sum = Doubles::fma(loadTail(x + t, inputs - t), loadTail(x + t, inputs - t), sum);
    variance[i] = Doubles::sum(sum) / inputs;
  }
}

/** Rows row..row+5 by columns col..col+3; past the ends the last image is repeated and not stored. */
inline void gramBlock(const ReadInTask& task, int row, int col) {
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
  for (int i = 0; i < GRAM_ROWS && row + i < task.rowCount; i++) {
    for (int j = 0; j < GRAM_COLS && col + j < task.colCount; j++) {
      V total = sum[i][j];
      if (t < n) total = Doubles::fma(loadTail(a[i] + t, n - t), loadTail(b[j] + t, n - t), total);
      const double mean = (task.rowVariance[row + i] + task.colVariance[col + j]) / 2, complement = mean - Doubles::sum(total) / n;
      task.complement[(size_t)(row + i) * task.colCount + col + j] =
          complement < NEAR * mean ? squaredDistance(a[i], b[j], n) / (2.0 * n) : complement;
    }
  }
}

/** One unit: GRAM_UNIT rows, all columns (from the diagonal on where the tile is symmetric). */
inline int gramRows(const void* context, int unit) {
  const ReadInTask& task = *(const ReadInTask*)context;
  const int first = unit * GRAM_UNIT, last = smaller(first + GRAM_UNIT, task.rowCount);
  for (int col = task.symmetric ? first / GRAM_COLS * GRAM_COLS : 0; col < task.colCount; col += GRAM_COLS) {
    if (*task.cancel) return CANCELLED;
    for (int row = first; row < last; row += GRAM_ROWS) {
      if (!task.symmetric || row < col + GRAM_COLS) gramBlock(task, row, col);
    }
  }
  return DONE;
}

/** Rounded product and what rounding took away: their sum is x y exactly. */
TESSERA_INLINE void exactProduct(Doubles::V x, Doubles::V y, Doubles::V& product, Doubles::V& rest) {
  product = x * y;
  if (Doubles::hasFma) {
    rest = Doubles::fma(x, y, -product);
    return;
  }
  const double splitter = 134217729;  // 2^27 + 1 (Dekker)
  Doubles::V cx = x * splitter, cy = y * splitter;
  Doubles::V highX = cx - (cx - x), highY = cy - (cy - y), lowX = x - highX, lowY = y - highY;
  rest = ((highX * highY - product) + highX * lowY + lowX * highY) + lowX * lowY;
}

/** Sums of byte images: s = sum x, S = sum x^2, and Z = n S - s^2, which is n^2 times the variance of the bytes. */
struct ByteSums {
  Buffer<double> sum, squares, spread;
  explicit ByteSums(int count) : sum(roundUp(count, BYTE_BLOCK)), squares(roundUp(count, BYTE_BLOCK)), spread(roundUp(count, BYTE_BLOCK)) {}
  bool missing() const { return sum.missing() || squares.missing() || spread.missing(); }
  struct Filling {
    ByteSums& sums;
    const uint8_t* pixels;
    int count, inputs;
  };
  static int fillBlock(const void* context, int unit) {
    const Filling& self = *(const Filling*)context;
    for (int i = unit * BYTE_BLOCK; i < smaller((unit + 1) * BYTE_BLOCK, self.count); i++) {
      const uint8_t* x = self.pixels + (size_t)i * self.inputs;
      int64_t s = 0, total = 0;
      for (int from = 0; from < self.inputs; from += BYTE_CHUNK) {
        uint32_t part, square;
        sumBytes(x + from, smaller(BYTE_CHUNK, self.inputs - from), part, square);
        s += part;
        total += square;
      }
      self.sums.sum[i] = (double)s;
      self.sums.squares[i] = (double)total;
      self.sums.spread[i] = (double)(self.inputs * total - s * s);
    }
    return DONE;
  }
  void fill(const uint8_t* pixels, int count, int inputs, int threads) {
    Filling filling = {*this, pixels, count, inputs};
    runUnits(fillBlock, &filling, (count + BYTE_BLOCK - 1) / BYTE_BLOCK, threads);
  }
};

struct ByteReadIn {
  const ReadInTask& task;
  const ByteProducts products;
  const ByteSums &rows, &cols;

  void variances(const ByteSums& sums, int count, double* variance) const {
    const double n = task.inputs, offset = task.bytes.offset, factor = task.bytes.factor;
    for (int i = 0; i < count; i++) {
      if (task.bytes.own) {
        variance[i] = 1;
        continue;
      }
      // n sum (x - o)^2 = Z + (s - n o)^2, without cancellation.
      Doubles::V product, rest;
      exactProduct(Doubles::all(n), Doubles::all(offset), product, rest);
      const double shift = (sums.sum[i] - product[0]) - rest[0];
      variance[i] = factor * factor * ((sums.spread[i] + shift * shift) / (n * n));
    }
  }

  /** From the products of row `i` with a block of columns from `col` on to their complements. */
  void finish(const double* dots, int i, int col, int count) const {
    typedef Doubles::V V;
    const double n = task.inputs, scale = task.bytes.factor * task.bytes.factor / (2 * n);
    double block[BYTE_BLOCK];
    for (int j = 0; j < count; j += Doubles::lanes) {
      V dot = Doubles::load(dots + j) + (double)products.missing * Doubles::load(cols.sum + col + j), value;
      if (task.bytes.own) {
        // 1 - Z_ab / sqrt(Z_aa Z_bb); for Z_ab > 0 by Z_aa Z_bb - Z_ab^2, in which nothing is lost.
        V za = Doubles::all(rows.spread[i]), zb = Doubles::load(cols.spread + col + j);
        V z = n * dot - rows.sum[i] * Doubles::load(cols.sum + col + j), both, bothRest, square, squareRest;
        exactProduct(za, zb, both, bothRest);
        exactProduct(z, z, square, squareRest);
        V root = Doubles::sqrt(both), positive = Doubles::notNegative((both - square) + (bothRest - squareRest));
        value = Doubles::pickLess(V{}, z, positive, root - z) / Doubles::pickLess(V{}, z, root * (root + z), root);
      } else {
        value = scale * ((rows.squares[i] + Doubles::load(cols.squares + col + j)) - (dot + dot));
      }
      Doubles::store(block + j, value);
    }
    memcpy(task.complement + (size_t)i * task.colCount + col, block, count * sizeof(double));
  }

  /** One unit: a block of rows against every block of columns. */
  static int runRows(const void* context, int unit) {
    const ByteReadIn& self = *(const ByteReadIn*)context;
    const ReadInTask& task = self.task;
    const int row = unit * BYTE_BLOCK, count = smaller(BYTE_BLOCK, task.rowCount - row);
    const size_t bytes = (size_t)count * task.inputs;
    Buffer<double> block(BYTE_BLOCK * BYTE_BLOCK);
    Buffer<uint8_t> flipped(bytes);
    if (block.missing() || flipped.missing()) return OUT_OF_MEMORY;
    flipBytes(task.bytes.rows + (size_t)row * task.inputs, flipped, bytes, self.products.flip);
    double(*products)[BYTE_BLOCK] = (double(*)[BYTE_BLOCK])(double*)block;
    for (int col = task.symmetric ? row : 0; col < task.colCount; col += BYTE_BLOCK) {
      if (*task.cancel) return CANCELLED;
      const int across = smaller(BYTE_BLOCK, task.colCount - col);
      self.products.of(flipped, count, task.bytes.cols + (size_t)col * task.inputs, across, task.inputs, products);
      for (int i = 0; i < count; i++) self.finish(products[i], row + i, col, across);
    }
    return DONE;
  }
};

inline int readInBytes(const ReadInTask& task) {
  ByteSums rows(task.rowCount), others(task.symmetric ? 0 : task.colCount);
  if (rows.missing() || others.missing()) return OUT_OF_MEMORY;
  rows.fill(task.bytes.rows, task.rowCount, task.inputs, task.threads);
  if (!task.symmetric) others.fill(task.bytes.cols, task.colCount, task.inputs, task.threads);
  const ByteSums& cols = task.symmetric ? rows : others;
#if defined(__AVX512F__)
  const ByteProducts products = cpuHasVnni() ? ByteProducts::by<VnniProducts>() : ByteProducts::by<WideProducts>();
#else
  const ByteProducts products = ByteProducts::by<WideProducts>();
#endif
  ByteReadIn readIn = {task, products, rows, cols};
  readIn.variances(rows, task.rowCount, task.rowVariance);
  readIn.variances(cols, task.colCount, task.colVariance);
  return runUnits(ByteReadIn::runRows, &readIn, (task.rowCount + BYTE_BLOCK - 1) / BYTE_BLOCK, task.threads);
}

inline int readInOf(const ReadInTask& task) {
  if (task.bytes.rows) return readInBytes(task);
  variancesOf(task.rows, task.rowCount, task.inputs, task.rowVariance);
  variancesOf(task.cols, task.colCount, task.inputs, task.colVariance);
  return runUnits(gramRows, &task, (task.rowCount + GRAM_UNIT - 1) / GRAM_UNIT, task.threads);
}

}  // namespace TESSERA_ISA
