import type { AnalysisRequest } from '../src/index.js';

/** A matrix as the engine would give it: with the variances of its diagonal, and what is missing from their means. */
export function inComplementForm(
  matrix: Float64Array,
  size: number,
): Pick<AnalysisRequest, 'complement' | 'reference' | 'deviations' | 'readMatrix' | 'precision'> {
  const variance = (i: number) => matrix[i * (size + 1)] as number;
  return {
    complement: matrix.map((value, at) => {
      const [row, col] = [Math.floor(at / size), at % size];
      return row === col ? 0 : variance(row) / 2 + variance(col) / 2 - value;
    }),
    reference: variance(0),
    deviations: Float64Array.from({ length: size }, (_, i) => variance(i) - variance(0)),
    async readMatrix(into) {
      into.set(matrix);
    },
    precision: 'f64',
  };
}
