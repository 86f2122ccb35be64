/** One write to a bucket: a single request where the bytes fit a part, else a multipart upload. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { crc32c } from './checksum.js';
import { s3Status } from './s3-error.js';
import type { PutSource } from './tile-store.js';

export interface Bucket {
  client: S3Client;
  name: string;
  partBytes: number;
}

/** S3 takes 10,000 parts of 5 MiB or more: 160 GiB of these. */
export const partBytes = 16 * 2 ** 20;
/** Parts on their way at a time: with the one that fills, what a write keeps in memory. */
const partsAtOnce = 4;

export interface Uploaded {
  /** False: `once` was asked for, and the key holds something already. Or its own end cannot be told: then look. */
  isStored: boolean;
  /** crc32c of all that was given. */
  checksum: number;
  bytes: number;
}

/**
 * Stores `source` under `key`, whole or not at all. Throws what the client throws, and what the source throws.
 * @param once only where the key holds nothing (`If-None-Match: *`)
 */
export async function upload(
  bucket: Bucket,
  key: string,
  source: PutSource,
  once: boolean,
): Promise<Uploaded> {
  const sum = { checksum: 0, bytes: 0 };
  const parts = summed(inParts(source, bucket.partBytes), sum);
  const { value: first } = (await parts.next()) as { value: Buffer };
  const { value: second } = await parts.next();
  const target = { Bucket: bucket.name, Key: key };
  const condition = once ? { IfNoneMatch: '*' } : {};
  if (!second) {
    const command = new PutObjectCommand({ ...target, Body: first, ...checksumOf(first), ...condition });
    return { isStored: await unlessThere(bucket.client.send(command)), ...sum };
  }
  const { UploadId } = await bucket.client.send(
    new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32C' }),
  );
  try {
    const Parts = await sendParts(bucket, { ...target, UploadId }, [first, second], parts);
    const command = new CompleteMultipartUploadCommand({
      ...target,
      UploadId,
      MultipartUpload: { Parts },
      ...condition,
    });
    const isStored = await unlessThere(bucket.client.send(command));
    if (!isStored) await abandon(bucket, key, UploadId).catch(() => {});
    return { isStored, ...sum };
  } catch (error) {
    // Where this fails too, the sweep finds it.
    await abandon(bucket, key, UploadId).catch(() => {});
    throw error;
  }
}

/** Ends an upload that will not be completed; its parts go. */
export async function abandon(bucket: Bucket, key: string, uploadId: string | undefined): Promise<void> {
  await bucket.client.send(
    new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: uploadId }),
  );
}

/**
 * False where something is stored there already (412), or where the upload is not there any more (404 NoSuchUpload): its
 * completion, whose answer was lost, was asked for again.
 */
async function unlessThere(sending: Promise<unknown>): Promise<boolean> {
  try {
    await sending;
    return true;
  } catch (error) {
    if (s3Status(error) === 412 || (error as Error).name === 'NoSuchUpload') return false;
    throw error;
  }
}

async function sendParts(
  { client }: Bucket,
  target: { Bucket: string; Key: string; UploadId: string | undefined },
  begun: readonly Buffer[],
  rest: AsyncIterable<Buffer>,
): Promise<CompletedPart[]> {
  const sent: CompletedPart[] = [];
  const onTheirWay = new Set<Promise<void>>();
  const send = (body: Buffer) => {
    const number = sent.length + 1;
    const part: CompletedPart = { PartNumber: number, ...checksumOf(body) };
    sent.push(part);
    const command = new UploadPartCommand({ ...target, PartNumber: number, Body: body, ...checksumOf(body) });
    const sending = client.send(command).then(({ ETag }) => {
      part.ETag = ETag;
      onTheirWay.delete(sending);
    });
    // Awaited below; one that fails while others are waited for is no unhandled rejection.
    sending.catch(() => {});
    onTheirWay.add(sending);
  };
  try {
    for (const part of begun) send(part);
    for await (const part of rest) {
      while (onTheirWay.size >= partsAtOnce) await Promise.race(onTheirWay);
      send(part);
    }
    await Promise.all(onTheirWay);
  } finally {
    // An upload is abandoned only when nothing is added to it any more.
    await Promise.allSettled(onTheirWay);
  }
  return sent;
}

function checksumOf(bytes: Buffer): { ChecksumCRC32C: string } {
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32BE(crc32c(bytes));
  return { ChecksumCRC32C: checksum.toString('base64') };
}

async function* summed(
  parts: AsyncIterable<Buffer>,
  sum: { checksum: number; bytes: number },
): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    sum.checksum = crc32c(part, sum.checksum);
    sum.bytes += part.byteLength;
    yield part;
  }
}

/** The bytes in parts of one size, the last one smaller; at least one. */
async function* inParts(source: PutSource, size: number): AsyncGenerator<Buffer> {
  // Only a stream may reuse what it has given.
  const isStream = !(source instanceof Uint8Array || Array.isArray(source));
  let gathered: Uint8Array[] = [];
  let length = 0;
  let isFirst = true;
  for await (const piece of source instanceof Uint8Array ? [source] : source) {
    for (let from = 0; from < piece.byteLength; ) {
      const slice = piece.subarray(from, from + size - length);
      gathered.push(isStream ? Buffer.from(slice) : slice);
      length += slice.byteLength;
      from += slice.byteLength;
      if (length < size) continue;
      yield joined(gathered);
      [gathered, length, isFirst] = [[], 0, false];
    }
  }
  if (length > 0 || isFirst) yield joined(gathered);
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  if (pieces.length !== 1 || !only) return Buffer.concat(pieces);
  return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
}
