/** Pixels as PNG (RGBA, 8 bits, unfiltered). */
import { zlibSync } from 'fflate';
import type { Pixels } from './scene.js';

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Cells of a picture smaller than this are repeated: many renderers smooth what they enlarge. */
const sharpSide = 900;

/** The same picture of at least about `sharpSide` pixels a side, each pixel repeated. */
export function enlarged({ width, height, rgba }: Pixels): Pixels {
  const factor = Math.max(1, Math.floor(sharpSide / Math.max(width, height)));
  if (factor === 1) return { width, height, rgba };
  const source = new Uint32Array(rgba.slice().buffer);
  const target = new Uint32Array(width * height * factor * factor);
  const side = width * factor;
  for (let row = 0; row < height; row++) {
    const start = row * factor * side;
    for (let column = 0; column < width; column++) {
      target.fill(
        source[row * width + column] as number,
        start + column * factor,
        start + (column + 1) * factor,
      );
    }
    for (let copy = 1; copy < factor; copy++) target.copyWithin(start + copy * side, start, start + side);
  }
  return { width: side, height: height * factor, rgba: new Uint8Array(target.buffer) };
}

export function encodePng({ width, height, rgba }: Pixels): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  // Eight bits, colour with alpha; compression, filter and interlace of the only kind or none.
  header.set([8, 6, 0, 0, 0], 8);
  // Each row begins with the number of its filter: none.
  const rows = new Uint8Array(height * (1 + 4 * width));
  for (let row = 0; row < height; row++) {
    rows.set(rgba.subarray(4 * width * row, 4 * width * (row + 1)), row * (1 + 4 * width) + 1);
  }
  const parts = [
    new Uint8Array(signature),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ];
  const file = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}
