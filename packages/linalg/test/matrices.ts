/** Seeded numbers in [-1, 1) (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
  };
}

/** Row-major, seeded. */
export function matrix(rows: number, cols: number, seed: number): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: rows * cols }, next);
}

export function symmetric(n: number, seed: number): Float64Array {
  const a = matrix(n, n, seed);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i] as number;
  return a;
}

export function transpose(a: Float64Array, rows: number, cols: number): Float64Array {
  return Float64Array.from(
    { length: rows * cols },
    (_, i) => a[(i % rows) * cols + Math.floor(i / rows)] as number,
  );
}

/** m x k times k x n, by the definition. */
export function multiply(a: Float64Array, b: Float64Array, m: number, n: number, k: number): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p] as number;
      for (let j = 0; j < n; j++) c[i * n + j] = (c[i * n + j] as number) + factor * (b[p * n + j] as number);
    }
  }
  return c;
}
