import type { ArraySelection, TesseraClient } from '@tessera/client';
import { type FloatArray, floatsOf, parseNpy } from '@tessera/store';

/** Largest difference / largest entry, the error the goldens are compared by; Infinity where NaN stands against a number. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const wanted = expected[index] as number;
    const distance = Math.abs((actual[index] as number) - wanted);
    if (Number.isNaN(distance)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, distance);
    largest = Math.max(largest, Math.abs(wanted));
  }
  return actual.length === expected.length ? difference / largest : Number.POSITIVE_INFINITY;
}

/** The floats of a `.npy` file, and its shape. */
export function readFloats(file: Buffer): { values: FloatArray; shape: number[] } {
  const { dtype, shape, data } = parseNpy(file);
  if (dtype !== '<f8' && dtype !== '<f4') throw new Error(`${dtype} are no floats`);
  return { values: floatsOf(data, dtype), shape };
}

/** An array of an experiment as the API streams it. */
export async function fetchArray(
  client: TesseraClient,
  id: string,
  name: string,
  selection: ArraySelection = {},
) {
  const response = await client.openArray(id, name, selection);
  return readFloats(Buffer.from(await response.arrayBuffer()));
}

/** Every array an experiment keeps, as bytes, by name: what must agree bit for bit between two runs. */
export async function allArrays(client: TesseraClient, id: string): Promise<Map<string, Buffer>> {
  const arrays = new Map<string, Buffer>();
  for (const { name } of await client.listArrays(id)) {
    arrays.set(name, Buffer.from(await (await client.openArray(id, name)).arrayBuffer()));
  }
  return arrays;
}
