/** The images of a golden case: from CIFAR-10's binary files, or from a .npy beside the goldens; and their normalization. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageShape, Normalization } from '@tessera/spec';
import { readNpy } from './npy.js';

export interface PixelBlock {
  count: number;
  shape: ImageShape;
  /** (count, height, width, channels) or (count, inputs), before normalization. */
  values: Float64Array;
}

const CIFAR = { side: 32, channels: 3, recordBytes: 3073 } as const;

/** Images first.. of a CIFAR-10 binary file (label byte, then channel planes), the top left `size` x `size` pixels of each. */
export function cifarImages(
  folder: string,
  file: string,
  first: number,
  count: number,
  size: number,
): PixelBlock {
  const bytes = new Uint8Array(count * CIFAR.recordBytes);
  const handle = openSync(join(folder, file), 'r');
  readSync(handle, bytes, 0, bytes.length, first * CIFAR.recordBytes);
  closeSync(handle);
  const values = new Float64Array(count * size * size * CIFAR.channels);
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        for (let c = 0; c < CIFAR.channels; c++) {
          const offset = i * CIFAR.recordBytes + 1 + (c * CIFAR.side + y) * CIFAR.side + x;
          values[at++] = bytes[offset] as number;
        }
      }
    }
  }
  return { count, shape: { height: size, width: size, channels: CIFAR.channels }, values };
}

/** Images of a .npy file: (count, height, width, channels), or (count, inputs) for vectors. */
export function storedImages(path: string): PixelBlock {
  const { shape, data } = readNpy(path);
  const [count = 0, height = 0, width = 0, channels = 0] = shape;
  const values = Float64Array.from(data);
  if (shape.length === 2) return { count, shape: { inputs: height }, values };
  return { count, shape: { height, width, channels }, values };
}

/** Normalizes training and test images as design.md says: `standardize` by the training images' mean and deviation. */
export function normalizeImages(
  kind: Normalization,
  train: PixelBlock,
  test: PixelBlock,
): [PixelBlock, PixelBlock] {
  switch (kind) {
    case 'standardize': {
      const mean = sum(train.values) / train.values.length;
      const variance = sum(train.values.map((v) => (v - mean) ** 2)) / train.values.length;
      const deviation = Math.sqrt(variance);
      return mapBoth(train, test, (v) => (v - mean) / deviation);
    }
    case 'unit-sphere':
      return [onUnitSphere(train), onUnitSphere(test)];
    case 'scale':
      return mapBoth(train, test, (v) => v / 255);
    case 'none':
      return [train, test];
  }
}

function mapBoth(train: PixelBlock, test: PixelBlock, map: (v: number) => number): [PixelBlock, PixelBlock] {
  return [
    { ...train, values: train.values.map(map) },
    { ...test, values: test.values.map(map) },
  ];
}

/** Each image minus its own mean, scaled to a squared norm of the number of inputs. */
function onUnitSphere(block: PixelBlock): PixelBlock {
  const size = block.values.length / block.count;
  const values = new Float64Array(block.values.length);
  for (let i = 0; i < block.count; i++) {
    const image = block.values.subarray(i * size, (i + 1) * size);
    const mean = sum(image) / size;
    const centred = image.map((v) => v - mean);
    const scale = Math.sqrt(size / sum(centred.map((v) => v * v)));
    values.set(
      centred.map((v) => v * scale),
      i * size,
    );
  }
  return { ...block, values };
}

const sum = (values: Float64Array): number => values.reduce((total, v) => total + v, 0);
