import type { Score } from './training-job.js';

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

/** A training run at rest with the scores it has taken. */
export interface JobCheckpoint {
  scores: Score[];
  /** An encoded `Checkpoint`. */
  network: Uint8Array;
}

/** The length of the scores as JSON, they themselves, the network's bytes. */
export function encodeJobCheckpoint({ scores, network }: JobCheckpoint): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(scores));
  const bytes = new Uint8Array(4 + head.length + network.length);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  bytes.set(network, 4 + head.length);
  return bytes;
}

/** @param bytes whole ones: their checksum was verified */
export function decodeJobCheckpoint(bytes: Uint8Array): JobCheckpoint {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  return {
    scores: JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Score[],
    network: bytes.subarray(4 + length),
  };
}
