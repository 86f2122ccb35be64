/** Normalized images, as engines take them; with the bytes they were made of, where they were. */
import { type ImageShape, inputCount, type Normalization, type Split } from '@tessera/spec';
import type { Pixels } from './dataset.js';
import { normalizePixels, type Standardization } from './normalization.js';

/** Shared with a cache: not to be written to. */
export interface ImageBlock {
  /** Equal keys, equal bytes. */
  key: string;
  count: number;
  shape: ImageShape;
  /** (count, height, width, channels) or (count, inputs), row-major; made of `bytes` when first read. */
  readonly data: Float64Array;
  /** What the images were before their normalization, x = (byte - offset) * factor; of uint8 data sets alone. */
  readonly bytes?: ImageBytes | undefined;
}

export interface ImageBytes {
  pixels: Uint8Array;
  /** `own`: each image minus its own mean, scaled to |x|^2 = inputs. */
  normalization: { kind: 'shared'; offset: number; factor: number } | { kind: 'own' };
}

interface Rules {
  normalization: Normalization;
  standardization: Standardization | null;
  /** Which images these are, for messages. */
  split: Split;
  indices: Int32Array;
}

/** @throws TesseraError `invalid-spec` for an image that cannot be normalized */
export function imageBlock(key: string, pixels: Pixels, shape: ImageShape, rules: Rules): ImageBlock {
  const { normalization, standardization } = rules;
  const normalized = () => normalizePixels(pixels, inputCount(shape), normalization, standardization, rules);
  const count = rules.indices.length;
  // A constant image has no place on the sphere: it is looked for now, not when an engine asks.
  if (!(pixels instanceof Uint8Array) || normalization === 'unit-sphere') {
    const data = normalized();
    const bytes =
      pixels instanceof Uint8Array ? { pixels, normalization: { kind: 'own' } as const } : undefined;
    return { key, count, shape, data, bytes };
  }
  let data: Float64Array | null = null;
  return {
    key,
    count,
    shape,
    get data() {
      data ??= normalized();
      return data;
    },
    bytes: { pixels, normalization: sharedRule(normalization, standardization) },
  };
}

function sharedRule(normalization: Normalization, standardization: Standardization | null) {
  const kind = 'shared' as const;
  if (normalization === 'none') return { kind, offset: 0, factor: 1 };
  if (normalization === 'scale' || standardization === null) return { kind, offset: 0, factor: 1 / 255 };
  return { kind, offset: standardization.mean, factor: 1 / standardization.deviation };
}
