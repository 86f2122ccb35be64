/** Reads a zip file's entries (stored or deflated, no zip64): enough for a Python wheel. */
import { inflateRawSync } from 'node:zlib';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;

/**
 * @param {Buffer} zip
 * @returns {{name: string, read(): Buffer}[]}
 */
export function zipEntries(zip) {
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== endSignature) end--;
  if (end < 0) throw new Error('This is no zip file.');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  const entries = [];
  for (let i = 0; i < count; i++) {
    if (zip.readUInt32LE(at) !== entrySignature) throw new Error('The zip file is damaged.');
    const method = zip.readUInt16LE(at + 10);
    const packedBytes = zip.readUInt32LE(at + 20);
    const bytes = zip.readUInt32LE(at + 24);
    const nameLength = zip.readUInt16LE(at + 28);
    const restLength = zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    const header = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    entries.push({ name, read: () => readEntry(zip, header, method, packedBytes, bytes) });
    at += 46 + nameLength + restLength;
  }
  return entries;
}

function readEntry(zip, header, method, packedBytes, bytes) {
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const packed = zip.subarray(start, start + packedBytes);
  if (method !== 0 && method !== 8) throw new Error(`Compression method ${method} is not known.`);
  const content = method === 0 ? packed : inflateRawSync(packed);
  if (content.length !== bytes) throw new Error('The zip file is damaged.');
  return content;
}
