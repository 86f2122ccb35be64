import { norm, orthonormalize } from './orthonormal-rows.js';

/** Solutions of A X = Y, as rows. */
export interface CgSolution {
  x: Float64Array;
  /** The largest of |Y - A X| / |Y| over right-hand sides. */
  residual: number;
  iterations: number;
  /** The operator was found not to be positive definite. */
  indefinite: boolean;
}

/** Stops at this residual, relative to the right-hand side. */
const target = 1e-13;

/** A restart from the true residual that gains less than this has met rounding. */
const gain = 0.5;

/**
 * Block conjugate gradients with orthonormal residual blocks (Dubrulle, "Retooling the method of block conjugate
 * gradients", 2001), started again from the true residual where the recurrence has drifted from it. A generator: it
 * yields blocks of rows and is given A times them, so that many systems share one pass over A.
 * @param y right-hand sides, row-major count x size
 * @param mostProducts limit of block products
 */
export function* blockCg(
  y: Float64Array,
  count: number,
  size: number,
  mostProducts: number,
): Generator<{ rows: Float64Array; count: number }, CgSolution, Float64Array> {
  const x = new Float64Array(count * size);
  const scales = rowNorms(y, count, size);
  const relative = (norms: Float64Array) =>
    norms.reduce(
      (most, value, i) => (scales[i] === 0 ? most : Math.max(most, value / (scales[i] as number))),
      0,
    );
  let residual = y.slice();
  let worst = Number.POSITIVE_INFINITY;
  let iterations = 0;
  for (;;) {
    const reached = relative(rowNorms(residual, count, size));
    if (!(reached > target && reached <= gain * worst && iterations < mostProducts)) {
      return { x, residual: reached, iterations, indefinite: false };
    }
    worst = reached;

    // residual = factors q; the directions are rows too.
    let q = residual;
    let { rank, factors } = orthonormalize(q, count, size);
    let delta = leading(factors, count, count, rank);
    let directions = q.slice(0, rank * size);
    q = directions.slice();
    while (rank > 0 && iterations < mostProducts) {
      const image: Float64Array = yield { rows: directions, count: rank };
      iterations++;
      const inverse = invert(inner(directions, image, rank, size), rank);
      if (inverse === null) return { x, residual: reached, iterations, indefinite: true };
      addProduct(x, multiply(delta, inverse, count, rank, rank), directions, count, rank, size, 1);
      addProduct(q, inverse, image, rank, rank, size, -1);
      const next = orthonormalize(q, rank, size);
      factors = leading(next.factors, rank, rank, next.rank);
      delta = multiply(delta, factors, count, rank, next.rank);
      q = q.slice(0, next.rank * size);
      const moved = q.slice();
      addProduct(moved, transposed(factors, rank, next.rank), directions, next.rank, rank, size, 1);
      directions = moved;
      rank = next.rank;
      if (relative(rowNorms(delta, count, rank)) <= target / 4) break;
    }
    const image: Float64Array = yield { rows: x, count };
    iterations++;
    residual = y.map((value, i) => value - (image[i] as number));
  }
}

function rowNorms(x: Float64Array, count: number, size: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => norm(x.subarray(i * size, (i + 1) * size)));
}

/** The first columns of a matrix. */
function leading(a: Float64Array, rows: number, columns: number, kept: number): Float64Array {
  return Float64Array.from(
    { length: rows * kept },
    (_, i) => a[Math.floor(i / kept) * columns + (i % kept)] as number,
  );
}

function transposed(a: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => a[(i % rows) * columns + Math.floor(i / rows)] as number,
  );
}

/** A B of small matrices, rows x k and k x columns. */
function multiply(a: Float64Array, b: Float64Array, rows: number, k: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  addProduct(out, a, b, rows, k, columns, 1);
  return out;
}

/** C <- C + sign A B, A rows x k, B k x columns. */
function addProduct(
  c: Float64Array,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  k: number,
  columns: number,
  sign: 1 | -1,
): void {
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < k; j++) {
      const factor = sign * (a[row * k + j] as number);
      for (let col = 0; col < columns; col++) {
        c[row * columns + col] =
          (c[row * columns + col] as number) + factor * (b[j * columns + col] as number);
      }
    }
  }
}

/** S W^T of row blocks, made symmetric. */
function inner(s: Float64Array, w: Float64Array, count: number, size: number): Float64Array {
  const out = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (s[i * size + k] as number) * (w[j * size + k] as number);
      out[i * count + j] = (out[i * count + j] as number) + sum / 2;
      out[j * count + i] = (out[j * count + i] as number) + sum / 2;
    }
  }
  return out;
}

/** Inverse of a small symmetric matrix by Cholesky; null where it is not positive definite. */
function invert(a: Float64Array, size: number): Float64Array | null {
  const l = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let value = a[i * size + j] as number;
      for (let k = 0; k < j; k++) value -= (l[i * size + k] as number) * (l[j * size + k] as number);
      if (i === j) {
        if (!(value > 0)) return null;
        l[i * size + i] = Math.sqrt(value);
      } else l[i * size + j] = value / (l[j * size + j] as number);
    }
  }
  const inverse = new Float64Array(size * size);
  for (let c = 0; c < size; c++) {
    for (let i = 0; i < size; i++) {
      let value = i === c ? 1 : 0;
      for (let k = 0; k < i; k++) value -= (l[i * size + k] as number) * (inverse[k * size + c] as number);
      inverse[i * size + c] = value / (l[i * size + i] as number);
    }
    for (let i = size - 1; i >= 0; i--) {
      let value = inverse[i * size + c] as number;
      for (let k = i + 1; k < size; k++)
        value -= (l[k * size + i] as number) * (inverse[k * size + c] as number);
      inverse[i * size + c] = value / (l[i * size + i] as number);
    }
  }
  return inverse;
}
