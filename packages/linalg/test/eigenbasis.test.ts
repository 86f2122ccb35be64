import { describe, expect, it } from 'vitest';
import { eigenbasisMemory, openLinalg } from '../src/index.js';

const linalg = openLinalg({ threads: 2 });

/** Symmetric, entries of this size. */
function symmetric(n: number, size = 1): Float64Array {
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      a[i * n + j] = size * Math.sin(1 + i * 3 + j * j);
      a[j * n + i] = a[i * n + j] as number;
    }
  }
  return a;
}

const identity = (n: number) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

describe('an eigenbasis', () => {
  it.each([1, 2, 3, 33, 130])('of %i rows is that of eigh, up to signs', async (n) => {
    const { values, vectors } = await linalg.eigh(symmetric(n), n, true);
    const basis = await linalg.eigenbasis(symmetric(n), n);
    const rows = await basis.project(identity(n), n);
    const largest = Math.max(...values.map(Math.abs));
    for (let i = 0; i < n; i++) {
      expect(Math.abs((basis.values[i] as number) - (values[i] as number))).toBeLessThan(1e-14 * n * largest);
      let dot = 0;
      for (let j = 0; j < n; j++) dot += (rows[i * n + j] as number) * (vectors?.[i * n + j] as number);
      expect(Math.abs(dot)).toBeCloseTo(1, 9);
    }
  });

  it('gives back what it took apart', async () => {
    const n = 70;
    const columns = 7;
    const x = Float64Array.from({ length: n * columns }, (_, i) => Math.cos(i * i));
    const basis = await linalg.eigenbasis(symmetric(n), n);
    const back = await basis.expand(await basis.project(x, columns), columns);
    back.forEach((value, i) => {
      expect(value).toBeCloseTo(x[i] as number, 12);
    });
  });

  it('reads one triangle, and works in the memory it is given again and again', async () => {
    const n = 60;
    const expected = (await linalg.eigenbasis(symmetric(n), n)).values;
    const memory = eigenbasisMemory(n);
    for (let round = 0; round < 2; round++) {
      const upper = symmetric(n).map((value, i) => (Math.floor(i / n) <= i % n ? value : Number.NaN));
      expect((await linalg.eigenbasis(upper, n, memory)).values).toEqual(expected);
    }
  });

  it.each([2 ** -1030, 2 ** -600, 2 ** 600])(
    'keeps its digits where entries are of size %d',
    async (size) => {
      const n = 40;
      const { values } = await linalg.eigenbasis(symmetric(n), n);
      const scaled = (await linalg.eigenbasis(symmetric(n, size), n)).values;
      // Below 2^-1022 entries have fewer digits.
      const digits = size < 2 ** -1000 ? 1e-10 : 1e-12;
      const largest = Math.max(...values.map(Math.abs));
      scaled.forEach((value, i) => {
        expect(Math.abs(value / size - (values[i] as number)) / largest).toBeLessThan(digits);
      });
    },
  );

  it('refuses numbers that are not finite', async () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const a = symmetric(5);
      a[7] = wrong;
      await expect(linalg.eigenbasis(a, 5)).rejects.toMatchObject({ code: 'linalg-failed' });
    }
  });
});
