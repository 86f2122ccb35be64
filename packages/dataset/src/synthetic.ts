/**
 * The built-in synthetic images, for machines without CIFAR-10: 32 x 32 x 3, ten classes, 10,000 training and 10,000
 * test images. Made by 32-bit integer arithmetic alone, so every machine makes the same bytes. The recipe
 * (all unsigned 32-bit; `>>` of a negative number is arithmetic; seed = 20191213):
 *
 *     mix(v)        = murmur3's finalizer: v ^= v >>> 16; v *= 0x85ebca6b; v ^= v >>> 13; v *= 0xc2b2ae35; v ^= v >>> 16
 *     random(s, n)  = mix(mix(s + seed) + n * 0x9e3779b9)
 *     wave(t)       = t mod 256 - 64 if t mod 256 < 128, else 191 - t mod 256                       (-64 .. 63)
 *     template[c][y][x][k] = sum over j = 0..3 of wave(8 (fx x + fy y) + phase), with r = random(c, 4 k + j),
 *                     fx = (r & 3) + 1, fy = (r >>> 2) & 3, phase = (r >>> 8) & 255                 (-256 .. 252)
 *
 * Image i (training 0 .. 9,999, test 10,000 .. 19,999) has class c = i mod 10 and, with s = 1,000 + i, r = random(s, 0),
 * q = random(s, 1): shifts dx = (r & 7) - 4, dy = ((r >>> 3) & 7) - 4; amplitude a = 5 + ((r >>> 6) & 7); brightness
 * o = ((r >>> 9) & 63) - 32; a distracting class e = (c + 1 + ((r >>> 15) mod 9)) mod 10, its shifts ex = q & 31,
 * ey = (q >>> 5) & 31 and amplitude b = (q >>> 10) & 7. Then, with noise the bytes of random(s, 2), random(s, 3), ...
 * in little-endian order, one a value in the order (y, x, k):
 *
 *     image[y][x][k] = clamp(128 + o + ((a template[c][(y+dy) mod 32][(x+dx) mod 32][k]
 *                       + b template[e][(y+ey) mod 32][(x+ex) mod 32][k]) >> 5) + ((noise - 128) >> 1), 0, 255)
 */
import { TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';
import type { DatasetContent, SplitContent } from './content.js';
import { importContent, isStored } from './import-content.js';
import { type DatasetManifest, manifestKey, readManifest } from './manifest.js';

const seed = 20191213;
const side = 32;
const channels = 3;
const inputs = side * side * channels;
const classes = 10;
const imagesPerSplit = 10_000;
const piece = 500;

/** The address these images have, so that a start that finds them stored need not make them again. */
export const syntheticSha256 = 'd0945e09c6ba56ac1e7c386497d27ded1e362c7ef13919e0c5522b0d569c50f7';

/** Imports the synthetic images; takes under a second the first time, nothing later. */
export async function importSynthetic(store: TileStore): Promise<DatasetManifest> {
  if ((await store.size(manifestKey(syntheticSha256))) !== null) {
    const manifest = await readManifest(store, syntheticSha256);
    if (await isStored(store, manifest)) return manifest;
  }
  const manifest = await importContent(store, syntheticContent());
  if (manifest.sha256 === syntheticSha256) return manifest;
  throw new TesseraError(
    'internal',
    `The synthetic images came out as ${manifest.sha256}, not ${syntheticSha256}.`,
  );
}

function syntheticContent(): DatasetContent {
  const templates = makeTemplates();
  const split = (start: number): SplitContent => ({
    labels: Int32Array.from({ length: imagesPerSplit }, (_, i) => (start + i) % classes),
    images: () => makeImages(templates, start),
  });
  return {
    source: 'synthetic',
    name: 'synthetic',
    synthetic: true,
    shape: { height: side, width: side, channels },
    dtype: 'uint8',
    classes,
    classNames: null,
    segments: [
      { split: 'train', start: 0, count: imagesPerSplit },
      { split: 'test', start: 0, count: imagesPerSplit },
    ],
    sourceFiles: [],
    splits: { train: split(0), test: split(imagesPerSplit) },
  };
}

async function* makeImages(templates: readonly Int16Array[], start: number): AsyncGenerator<Uint8Array> {
  for (let first = start; first < start + imagesPerSplit; first += piece) {
    const images = new Uint8Array(piece * inputs);
    for (let i = 0; i < piece; i++) {
      fillImage(images.subarray(i * inputs, (i + 1) * inputs), templates, first + i);
    }
    yield images;
    // 500 images are some 10 ms of work: let others on this thread have a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function fillImage(image: Uint8Array, templates: readonly Int16Array[], index: number): void {
  const stream = streamOf(1000 + index);
  const r = random(stream, 0);
  const q = random(stream, 1);
  const label = index % classes;
  const own = templates[label] as Int16Array;
  const other = templates[(label + 1 + ((r >>> 15) % 9)) % classes] as Int16Array;
  const dx = (r & 7) - 4;
  const dy = ((r >>> 3) & 7) - 4;
  const a = 5 + ((r >>> 6) & 7);
  const level = 128 + ((r >>> 9) & 63) - 32;
  const ex = q & 31;
  const ey = (q >>> 5) & 31;
  const b = (q >>> 10) & 7;
  let value = 0;
  let noise = 0;
  for (let y = 0; y < side; y++) {
    const ownRow = ((y + dy) & 31) * side;
    const otherRow = ((y + ey) & 31) * side;
    for (let x = 0; x < side; x++) {
      const ownPixel = (ownRow + ((x + dx) & 31)) * channels;
      const otherPixel = (otherRow + ((x + ex) & 31)) * channels;
      for (let k = 0; k < channels; k++, value++) {
        noise = (value & 3) === 0 ? random(stream, 2 + (value >>> 2)) : noise >>> 8;
        const signal = (a * (own[ownPixel + k] as number) + b * (other[otherPixel + k] as number)) >> 5;
        const pixel = level + signal + (((noise & 255) - 128) >> 1);
        image[value] = Math.max(0, Math.min(255, pixel));
      }
    }
  }
}

function makeTemplates(): Int16Array[] {
  return Array.from({ length: classes }, (_, label) => {
    const template = new Int16Array(inputs);
    const stream = streamOf(label);
    for (let value = 0; value < inputs; value++) {
      const k = value % channels;
      const x = Math.floor(value / channels) % side;
      const y = Math.floor(value / channels / side);
      for (let j = 0; j < 4; j++) {
        const r = random(stream, 4 * k + j);
        const t = (8 * (((r & 3) + 1) * x + ((r >>> 2) & 3) * y) + ((r >>> 8) & 255)) & 255;
        template[value] = (template[value] as number) + (t < 128 ? t - 64 : 191 - t);
      }
    }
    return template;
  });
}

const streamOf = (number: number): number => mix(number + seed);
const random = (stream: number, n: number): number => mix(stream + Math.imul(n, 0x9e3779b9));

function mix(v: number): number {
  let h = v | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
