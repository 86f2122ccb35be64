/** Reads a tar archive (ustar) from a stream: enough for one with a folder of plain files. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const block = 512;

/**
 * Writes the archive's plain files that `choose` gives a path.
 * @param {AsyncIterable<Buffer>} stream the archive, decompressed
 * @param {(name: string) => string | null} choose where a file goes; null: nowhere
 */
export async function unpackTar(stream, choose) {
  let buffer = Buffer.alloc(0);
  let file = null;
  let left = 0;
  let padding = 0;
  for await (const chunk of stream) {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    for (;;) {
      if (left > 0) {
        const part = buffer.subarray(0, Math.min(left, buffer.length));
        if (part.length === 0) break;
        if (file && !file.write(part)) await once(file, 'drain');
        left -= part.length;
        buffer = buffer.subarray(part.length);
        if (left > 0) break;
        if (file) await new Promise((resolve, reject) => file.on('error', reject).end(resolve));
        file = null;
      } else if (padding > 0) {
        const skipped = Math.min(padding, buffer.length);
        if (skipped === 0) break;
        padding -= skipped;
        buffer = buffer.subarray(skipped);
      } else {
        if (buffer.length < block) break;
        const header = buffer.subarray(0, block);
        buffer = buffer.subarray(block);
        if (header[0] === 0) continue;
        const name = text(header, 0, 100);
        left = Number.parseInt(text(header, 124, 12), 8);
        if (!(left >= 0)) throw new Error('The tar archive is damaged.');
        padding = (block - (left % block)) % block;
        const isPlain = header[156] === 0x30 || header[156] === 0;
        const path = isPlain ? choose(name) : null;
        if (path) file = createWriteStream(path);
        if (file && left === 0) await new Promise((resolve) => file.end(resolve));
        if (left === 0) file = null;
      }
    }
  }
  if (left > 0) throw new Error('The tar archive ends too early.');
}

function text(header, start, length) {
  return header
    .toString('latin1', start, start + length)
    .replace(/\0.*$/s, '')
    .trim();
}
