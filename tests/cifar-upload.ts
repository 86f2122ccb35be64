import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNpy } from '@tessera/store';
import { zipSync } from 'fflate';

const recordBytes = 3073;
const side = 32;

/** Images `first` to `first + count` of a CIFAR-10 batch as uint8 (count, size, size, 3), cut to the top left corner. */
export async function cifarImages(
  folder: string,
  file: string,
  first: number,
  count: number,
  size = side,
): Promise<{ images: Uint8Array; labels: Uint8Array }> {
  const bytes = await readFile(join(folder, file));
  const images = new Uint8Array(count * size * size * 3);
  const labels = new Uint8Array(count);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const record = (first + index) * recordBytes;
    labels[index] = bytes[record] as number;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        for (let channel = 0; channel < 3; channel++) {
          images[at++] = bytes[record + 1 + channel * side * side + y * side + x] as number;
        }
      }
    }
  }
  return { images, labels };
}

/** An `.npz` as numpy.savez writes it. */
export function npz(
  arrays: Record<string, { values: Uint8Array; shape: readonly number[] }>,
): Uint8Array<ArrayBuffer> {
  const members = Object.entries(arrays).map(
    ([name, { values, shape }]) => [`${name}.npy`, writeNpy('|u1', shape, values)] as const,
  );
  // A fixed time: the same arrays are the same bytes, whenever they are zipped.
  return zipSync(Object.fromEntries(members), { level: 0, mtime: '1990-01-01' }) as Uint8Array<ArrayBuffer>;
}
