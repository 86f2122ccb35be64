/** Receives an upload into a temporary file of the data folder, counting and hashing it on the way. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TesseraError } from '@tessera/spec';
import type { AppContext } from './app-context.js';

/** A received file; deleted when it is disposed of. */
export interface ReceivedUpload extends AsyncDisposable {
  path: string;
  /** Of the bytes as they came, hexadecimal. */
  sha256: string;
}

const uploadsFolder = (settings: Pick<AppContext['settings'], 'dataDir'>) =>
  join(settings.dataDir, 'uploads');

/** How fast an upload must come: one that trickles is given up, so that it does not hold its place for ever. */
export const uploadPace = {
  /** Nothing may come for this long. */
  silenceMs: 60_000,
  /** In each while, this many bytes at least. */
  whileMs: 60_000,
  bytesPerSecond: 8192,
};

/**
 * @param contentLength the request's header, so that what is too large is refused before it is sent
 * @param pace how fast it must come
 * @throws TesseraError body-too-large, request-timeout when the client sends too slowly, invalid-request when it stopped
 */
export async function receiveUpload(
  settings: Pick<AppContext['settings'], 'dataDir' | 'maxUploadBytes'>,
  body: Readable,
  contentLength: string | undefined,
  pace: typeof uploadPace = uploadPace,
): Promise<ReceivedUpload> {
  const limit = settings.maxUploadBytes;
  const tooLarge = () =>
    new TesseraError(
      'body-too-large',
      `The upload is larger than the limit of ${limit} bytes (TESSERA_MAX_UPLOAD_BYTES).`,
    );
  if (contentLength !== undefined && Number(contentLength) > limit) throw tooLarge();
  // What ends it is told to whoever reads it; while nobody does, it must not end the process.
  body.on('error', () => {});
  const folder = uploadsFolder(settings);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${randomBytes(12).toString('hex')}.npz`);
  const remove = () => rm(path, { force: true });
  // Open before anything can fail: a file that is opened later would be made after it was removed.
  const file = await open(path, 'wx');
  const hash = createHash('sha256');
  let bytes = 0;
  const giveUp = (reason: string) => body.destroy(new TesseraError('request-timeout', reason));
  const silence = setTimeout(
    () => giveUp(`The upload sent nothing for ${pace.silenceMs / 1000} s.`),
    pace.silenceMs,
  );
  silence.unref();
  let before = 0;
  const rate = setInterval(() => {
    if (bytes - before < (pace.bytesPerSecond * pace.whileMs) / 1000)
      giveUp(`The upload came with less than ${pace.bytesPerSecond} bytes a second.`);
    before = bytes;
  }, pace.whileMs);
  rate.unref();
  const counted = async function* () {
    // The request must outlive a refusal: its socket carries the answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      silence.refresh();
      bytes += chunk.byteLength;
      if (bytes > limit) throw tooLarge();
      hash.update(chunk);
      yield chunk;
    }
  };
  try {
    await pipeline(counted, file.createWriteStream());
  } catch (error) {
    await file.close().catch(() => {});
    await remove();
    discardRest(body);
    const { code } = error as { code?: string };
    if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
      throw new TesseraError('invalid-request', 'The upload ended before its end.', { cause: error });
    }
    throw error;
  } finally {
    clearTimeout(silence);
    clearInterval(rate);
  }
  return { path, sha256: hash.digest('hex'), [Symbol.asyncDispose]: remove };
}

/** A client that is still sending sees the answer only once what it sends is taken; but not for ever. */
const discardMs = 10_000;

function discardRest(body: Readable): void {
  if (body.destroyed || body.readableEnded) return;
  body.resume();
  const limit = setTimeout(() => body.destroy(), discardMs);
  limit.unref();
  body.once('close', () => clearTimeout(limit));
}

/** Deletes uploads, and what importing them unpacked, that a crash has left; those of replicas that still receive are younger than a day. */
export async function sweepUploads(settings: Pick<AppContext['settings'], 'dataDir'>): Promise<void> {
  const folder = uploadsFolder(settings);
  const oldestKept = Date.now() - 24 * 3600 * 1000;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (mtimeMs < oldestKept) await rm(path, { recursive: true, force: true });
  }
}
