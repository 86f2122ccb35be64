/** A training run at rest: the step it has reached and its parameters, as bytes. Little-endian; a crc is the store's part. */
export interface Checkpoint {
  step: number;
  parameters: Float32Array[];
}

const magic = 0x5453_4b31;

export function encodeCheckpoint({ step, parameters }: Checkpoint): Uint8Array {
  const header = 12 + 4 * parameters.length;
  const size = parameters.reduce((sum, { byteLength }) => sum + byteLength, header);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, step, true);
  view.setUint32(8, parameters.length, true);
  for (const [i, { length }] of parameters.entries()) view.setUint32(12 + 4 * i, length, true);
  let at = header;
  for (const values of parameters) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

/** @throws Error for bytes that are no checkpoint of parameters of these lengths */
export function decodeCheckpoint(bytes: Uint8Array, lengths: readonly number[]): Checkpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 12 + 4 * lengths.length;
  const isOne =
    bytes.byteLength >= header &&
    view.getUint32(0, true) === magic &&
    view.getUint32(8, true) === lengths.length &&
    lengths.every((length, i) => view.getUint32(12 + 4 * i, true) === length) &&
    bytes.byteLength === lengths.reduce((sum, length) => sum + 4 * length, header);
  if (!isOne) throw new Error('These bytes are no checkpoint of this network.');
  let at = header;
  const parameters = lengths.map((length) => {
    // A copy: floats must be aligned.
    const values = new Float32Array(bytes.slice(at, at + 4 * length).buffer);
    at += 4 * length;
    return values;
  });
  return { step: view.getUint32(4, true), parameters };
}
