import type { Precision } from '@tessera/spec';

/** Unit roundoff of float64, doubled: what LAPACK's error bounds are counted in. */
const epsilon = 2.2e-16;

/**
 * Relative error of an engine's entries that differs from entry to entry: 16 roundings. What all entries share (most of
 * what a deep recursion gathers) scales the spectrum and does not blur it.
 */
const entryErrors: Record<Precision, number> = { f64: 2 ** -49, f32: 2 ** -20 };

/** Smallest normal numbers: below them entries lose digits. */
export const smallestNormal: Record<Precision, number> = { f64: 2 ** -1022, f32: 2 ** -126 };

/** Spacing of the smallest numbers. */
const spacings: Record<Precision, number> = { f64: 2 ** -1074, f32: 2 ** -149 };

/** Rounding of a backward stable eigensolver. @param norm of the matrix it is given */
export function solverError(size: number, norm: number): number {
  return size * epsilon * Math.abs(norm);
}

/**
 * What errors of the entries, independent of each other, do to eigenvalues: 2 sqrt(m) times their root mean square.
 * @param frobenius norm of the matrix of the entries
 */
export function entryError(precision: Precision, size: number, frobenius: number): number {
  return (2 * entryErrors[precision] * frobenius) / Math.sqrt(size) + size * spacings[precision];
}

/** Rounding of the change of basis. @param frobenius norm of what is changed */
export const basisError = (frobenius: number): number => epsilon * frobenius;
