/** Rows that count as dependent on those before them: what is left is rounding. */
const dependent = 1e-13;

/**
 * Makes rows orthonormal in place by Gram-Schmidt done twice: X = F Q. Dependent rows are dropped, the others move up.
 * @param x row-major count x size
 * @param floor rows no longer than this are dropped too
 * @returns how many rows are left, and F (count x count, of which the first `rank` columns count)
 */
export function orthonormalize(
  x: Float64Array,
  count: number,
  size: number,
  floor = 0,
): { rank: number; factors: Float64Array } {
  const factors = new Float64Array(count * count);
  let rank = 0;
  for (let i = 0; i < count; i++) {
    const row = x.subarray(i * size, (i + 1) * size);
    const before = norm(row);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < rank; j++) {
        const share = removePart(row, x.subarray(j * size, (j + 1) * size));
        factors[i * count + j] = (factors[i * count + j] as number) + share;
      }
    }
    const after = norm(row);
    if (!(after > dependent * before && after > floor)) continue;
    factors[i * count + rank] = after;
    for (let k = 0; k < size; k++) x[rank * size + k] = (row[k] as number) / after;
    rank++;
  }
  return { rank, factors };
}

/** Takes the part along a unit vector out of x. @returns its length */
function removePart(x: Float64Array, unit: Float64Array): number {
  let share = 0;
  for (let k = 0; k < x.length; k++) share += (x[k] as number) * (unit[k] as number);
  for (let k = 0; k < x.length; k++) x[k] = (x[k] as number) - share * (unit[k] as number);
  return share;
}

/** Scaled against under- and overflow of squares. */
export function norm(x: Float64Array): number {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 0;
  let squares = 0;
  for (const value of x) squares += (value / largest) ** 2;
  return largest * Math.sqrt(squares);
}

/** Rows of numbers in (-1/2, 1/2), the same each time (xorshift). */
export function randomRows(rows: number, size: number, seed = 0): Float64Array {
  let state = (0x9e3779b9 ^ (seed * 0x85ebca6b)) | 1;
  return Float64Array.from({ length: rows * size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 32;
  });
}
