import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mirrorUpper, NotPositiveDefiniteError, openLinalg } from '../src/index.js';
import { matrix, multiply, random, symmetric, transpose } from './matrices.js';

const linalg = openLinalg({ threads: 2 });

/** Largest difference of two arrays. */
function distance(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0);
}
const bits = (values: Float64Array) =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');

describe('eigh', () => {
  it.each([1, 2, 3, 17, 64, 101])(
    'rebuilds a symmetric matrix of %i rows from its values and vectors',
    async (n) => {
      const a = symmetric(n, n);
      const { values, vectors } = await linalg.eigh(a.slice(), n, true);
      expect([...values]).toEqual([...values].sort((x, y) => x - y));
      const scaled = vectors?.map((v, i) => v * (values[Math.floor(i / n)] as number)) ?? new Float64Array();
      const rebuilt = multiply(transpose(vectors ?? new Float64Array(), n, n), scaled, n, n, n);
      expect(distance(rebuilt, a)).toBeLessThan(1e-13 * n);
      const alone = await linalg.eigh(a.slice(), n, false);
      expect(alone.vectors).toBeNull();
      expect(distance(alone.values, values)).toBeLessThan(1e-13 * n);
    },
  );

  it('finds known eigenvalues: a 11^T + b I has b, and a n + b once', async () => {
    const n = 40;
    const a = new Float64Array(n * n).fill(2).map((value, i) => (i % (n + 1) === 0 ? value + 3 : value));
    const { values } = await linalg.eigh(a, n, false);
    expect(
      distance(
        values,
        Float64Array.from({ length: n }, (_, i) => (i === n - 1 ? 2 * n + 3 : 3)),
      ),
    ).toBeLessThan(1e-12);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses a matrix with %d in it',
    async (bad) => {
      const a = symmetric(5, 1);
      a[7] = bad;
      await expect(linalg.eigh(a, 5, true)).rejects.toMatchObject({ code: 'linalg-failed' });
      await expect(linalg.cholesky(a, 5)).rejects.toMatchObject({ code: 'linalg-failed' });
    },
  );

  it('gives the same bits alone and among many concurrent calls', async () => {
    const sizes = [3, 64, 17, 100, 31, 64, 128, 5];
    const solve = async (n: number, i: number) => {
      const { values, vectors } = await linalg.eigh(symmetric(n, i), n, true);
      return bits(values) + bits(vectors ?? values);
    };
    const alone: string[] = [];
    for (const [i, n] of sizes.entries()) alone.push(await solve(n, i));
    for (let round = 0; round < 5; round++) expect(await Promise.all(sizes.map(solve))).toEqual(alone);
  });

  it('gives the same bits wherever the matrix lies in memory', async () => {
    const n = 33;
    const results = await Promise.all(
      [0, 1, 2, 3, 5].map(async (offset) => {
        const a = new Float64Array(n * n + 8).subarray(offset, offset + n * n);
        a.set(symmetric(n, 4));
        const { values, vectors } = await linalg.eigh(a, n, true);
        return bits(values) + bits(vectors ?? values);
      }),
    );
    expect(new Set(results).size).toBe(1);
  });
});

describe('gemm', () => {
  const shapes = [1, 2, 7, 8, 9, 33].flatMap((m) =>
    [1, 5, 16, 17].map((n) => ({ m, n, k: (m * 5 + n) % 23 || 1 })),
  );
  it.each(shapes)('multiplies $m x $k by $k x $n, transposed or not', async ({ m, n, k }) => {
    const [a, b, c] = [matrix(m, k, 1), matrix(k, n, 2), matrix(m, n, 3)];
    const product = multiply(a, b, m, n, k);
    const expected = product.map((value, i) => 2 * value - 0.5 * (c[i] as number));
    for (const transA of [false, true]) {
      for (const transB of [false, true]) {
        const operands = {
          a: transA ? transpose(a, m, k) : a,
          b: transB ? transpose(b, k, n) : b,
          transA,
          transB,
        };
        expect(distance(await linalg.gemm({ m, n, k, ...operands }), product)).toBeLessThan(1e-14 * k);
        const scaled = await linalg.gemm({ m, n, k, ...operands, c: c.slice(), alpha: 2, beta: -0.5 });
        expect(distance(scaled, expected)).toBeLessThan(1e-14 * (k + 1));
      }
    }
  });

  it('keeps NaN in the rows and columns it comes from', async () => {
    const [a, b] = [matrix(20, 20, 1), matrix(20, 20, 2)];
    const clean = await linalg.gemm({ m: 20, n: 20, k: 20, a, b });
    a[3 * 20 + 5] = Number.NaN;
    b[7] = Number.POSITIVE_INFINITY;
    const product = await linalg.gemm({ m: 20, n: 20, k: 20, a, b });
    product.forEach((value, i) => {
      if (Math.floor(i / 20) === 3 || i % 20 === 7) expect(value - value).toBeNaN();
      else expect(value).toBe(clean[i]);
    });
  });

  it('refuses arrays shorter than their shape', async () => {
    const a = new Float64Array(3);
    await expect(linalg.gemm({ m: 2, n: 2, k: 2, a, b: new Float64Array(4) })).rejects.toThrow(
      'a has 3 entries',
    );
  });
});

describe('syrk', () => {
  it.each([1, 2, 31, 33, 70])('gives A A^T of %i rows, both triangles equal bit for bit', async (n) => {
    const a = matrix(n, 9, 5);
    const expected = multiply(a, transpose(a, n, 9), n, n, 9);
    const product = await linalg.syrk({ n, k: 9, a });
    expect(distance(product, expected)).toBeLessThan(1e-13);
    expect(bits(transpose(product, n, n))).toBe(bits(product));
    expect(bits(await linalg.syrk({ n, k: 9, a: transpose(a, n, 9), transA: true }))).toBe(bits(product));
  });
});

describe('cholesky', () => {
  it.each([1, 2, 3, 17, 64, 130])('factors and solves a positive definite system of %i rows', async (n) => {
    const factor = matrix(n, n, 6);
    const a = multiply(factor, transpose(factor, n, n), n, n, n).map((v, i) =>
      i % (n + 1) === 0 ? v + n : v,
    );
    mirrorUpper(a, n, 0, n);
    const l = a.slice();
    await linalg.cholesky(l, n);
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(l[i * n + j]).toBe(a[i * n + j]);
    const lower = l.map((value, i) => (i % n > Math.floor(i / n) ? 0 : value));
    expect(distance(multiply(lower, transpose(lower, n, n), n, n, n), a)).toBeLessThan(1e-12 * n);
    const x = matrix(n, 3, 7);
    const b = multiply(a, x, n, 3, n);
    await linalg.choleskySolve(l, n, b, 3);
    expect(distance(b, x)).toBeLessThan(1e-12 * n);
  });

  it('names the pivot of a matrix that is not positive definite', async () => {
    const a = Float64Array.of(1, 2, 0, 2, 1, 0, 0, 0, 1);
    const failure = await linalg.cholesky(a, 3).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NotPositiveDefiniteError);
    expect(failure).toMatchObject({
      code: 'linalg-failed',
      pivot: 2,
      message: expect.stringContaining('pivot 2'),
    });
  });
});

describe('a problem that takes every core', () => {
  it('runs alone with all threads, and gives the small ones their single thread back', async () => {
    const n = 2048;
    const small = symmetric(64, 1);
    const before = bits((await linalg.eigh(small.slice(), 64, false)).values);
    const a = new Float64Array(n * n);
    const next = random(1);
    for (let i = 0; i < n; i++) a[i * n + i] = n;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = next();
    const ones = new Float64Array(n).fill(1);
    const sums = await linalg.gemm({ m: n, n: 1, k: n, a, b: ones });
    const l = a.slice();
    const [, ...others] = await Promise.all([
      linalg.cholesky(l, n),
      ...Array.from({ length: 6 }, () => linalg.eigh(small.slice(), 64, false)),
    ]);
    for (const { values } of others) expect(bits(values)).toBe(before);
    await linalg.choleskySolve(l, n, sums, 1);
    expect(distance(sums, ones)).toBeLessThan(1e-10);
    const again = a.slice();
    await linalg.cholesky(again, n);
    expect(bits(again)).toBe(bits(l));
  });
});

describe('openLinalg', () => {
  it('names its release and what its bits depend on', () => {
    expect(linalg.version).toMatch(/^OpenBLAS \d+\.\d+/);
    expect(linalg.fingerprint).toMatch(/^openblas-\d+\.\d+\S*-\w+$/);
  });

  it('is one object a process, and refuses other options', () => {
    expect(openLinalg({ threads: 2 })).toBe(linalg);
    expect(() => openLinalg({ threads: 1 })).toThrow('already open');
  });
});
