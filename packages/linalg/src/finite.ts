import { TesseraError } from '@tessera/spec';

/**
 * Refuses NaN and infinities before LAPACK sees them: its iterations may then hang or read out of bounds.
 * @throws TesseraError linalg-failed naming the first such entry
 */
export function requireFinite(routine: string, values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    if (value - value !== 0) {
      throw new TesseraError(
        'linalg-failed',
        `${routine}: entry ${i} is ${value}; LAPACK takes finite numbers only.`,
      );
    }
  }
}

/** @throws RangeError when an array is shorter than its shape */
export function requireLength(name: string, values: Float64Array, count: number): void {
  if (values.length < count)
    throw new RangeError(`${name} has ${values.length} entries, its shape ${count}.`);
}
