/** What one look at every entry tells. */
export interface MatrixScan {
  /** Entries that are NaN or infinite. */
  notFinite: number;
  /** Position of the first of them, or null. */
  firstNotFinite: { row: number; col: number } | null;
  /** Largest magnitude of the finite entries. */
  largest: number;
  /** Sum of the diagonal, in index order. */
  trace: number;
}

/** @param matrix row-major size x size */
export function scanMatrix(matrix: Float64Array, size: number): MatrixScan {
  let notFinite = 0;
  let first = -1;
  let largest = 0;
  for (let i = 0; i < size * size; i++) {
    const magnitude = Math.abs(matrix[i] as number);
    if (magnitude <= Number.MAX_VALUE) {
      if (magnitude > largest) largest = magnitude;
    } else {
      if (first < 0) first = i;
      notFinite++;
    }
  }
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i] as number;
  const firstNotFinite = first < 0 ? null : { row: Math.floor(first / size), col: first % size };
  return { notFinite, firstNotFinite, largest, trace };
}
