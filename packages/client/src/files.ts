/** Bodies to and from files, streamed. Node only; the modules are loaded when a function is called. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ConnectionError } from './connection-error.js';

/**
 * Writes a response's body to a file: to a temporary neighbour first, so that a broken download leaves no
 * file that looks whole.
 *
 * @returns the bytes written
 * @throws ConnectionError where the connection broke, or other bytes came than Content-Length said
 */
export async function saveBody(
  response: Response,
  file: string,
  onBytes?: (bytes: number) => void,
): Promise<number> {
  const { open, rename, rm } = await import('node:fs/promises');
  const expected = response.headers.get('content-length');
  const temporary = `${file}.part-${process.pid}`;
  let written = 0;
  try {
    const handle = await open(temporary, 'w');
    try {
      for await (const chunk of chunksOf(response)) {
        await handle.writeFile(chunk);
        written += chunk.byteLength;
        onBytes?.(written);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (expected !== null && Number(expected) !== written) {
      throw new ConnectionError(response.url, `${written} of ${expected} bytes of ${file} came.`);
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return written;
}

async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (error) {
    throw new ConnectionError(response.url, `The download of ${response.url} broke off.`, error);
  }
}

/** A file as a stream of bytes and its size. @throws the system's error where it is no file that can be read */
export async function openFile(file: string): Promise<{ stream: ReadableStream<Uint8Array>; bytes: number }> {
  const { open } = await import('node:fs/promises');
  const { Readable } = await import('node:stream');
  const handle = await open(file, 'r');
  const { size } = await statOfFile(handle, file);
  const stream = Readable.toWeb(handle.createReadStream()) as ReadableStream<Uint8Array>;
  return { stream, bytes: size };
}

async function statOfFile(handle: FileHandle, file: string): Promise<Stats> {
  const stat = await handle.stat();
  if (!stat.isDirectory()) return stat;
  await handle.close();
  const error = new Error(`EISDIR: ${file} is a folder`);
  throw Object.assign(error, { code: 'EISDIR', syscall: 'read', path: file });
}
