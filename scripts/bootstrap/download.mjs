import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Without an answer for this long a machine counts as having no network. */
const connectMs = 8000;
/** Without a byte for this long a connection is tried again. */
const stallMs = 20_000;
const attempts = 5;

/**
 * Fetches a file whose md5 is known, going on where an earlier attempt, or an earlier start, was cut off.
 * @param {{url: string, file: string, md5: string, onProgress: (bytes: number, total: number | null) => void}} options
 * @throws Error in one sentence: no answer, a refusal, or other bytes than expected
 */
export async function download({ url, file, md5, onProgress }) {
  const part = `${file}.part`;
  for (let attempt = 1; ; attempt++) {
    const before = sizeOf(part);
    try {
      await fetchRest(url, part, before, onProgress);
      break;
    } catch (error) {
      const hasGained = sizeOf(part) > before;
      if (attempt >= attempts || error.isFinal || (!hasGained && before === 0)) throw error;
      await sleep(1000 * attempt);
    }
  }
  if ((await md5Of(part)) !== md5) {
    rmSync(part);
    throw new Error(`${url} sent other bytes than the data set's (its md5 differs)`);
  }
  renameSync(part, file);
}

async function fetchRest(url, part, from, onProgress) {
  const abort = new AbortController();
  let patience = setTimeout(() => abort.abort(), connectMs);
  try {
    const headers = from > 0 ? { range: `bytes=${from}-` } : {};
    const response = await fetch(url, { headers, signal: abort.signal }).catch((error) => {
      throw new Error(
        `no answer from ${new URL(url).host}${error.cause?.code ? ` (${error.cause.code})` : ''}`,
      );
    });
    // 416: everything is there already.
    if (response.status === 416) return;
    if (response.status !== 200 && response.status !== 206) {
      throw Object.assign(new Error(`${new URL(url).host} answered ${response.status}`), { isFinal: true });
    }
    const isRest = response.status === 206;
    let bytes = isRest ? from : 0;
    const length = response.headers.get('content-length');
    const total = length === null ? null : bytes + Number(length);
    const out = createWriteStream(part, { flags: isRest ? 'a' : 'w' });
    try {
      for await (const chunk of response.body) {
        clearTimeout(patience);
        patience = setTimeout(() => abort.abort(), stallMs);
        if (!out.write(chunk)) await new Promise((resolve) => out.once('drain', resolve));
        bytes += chunk.length;
        onProgress(bytes, total);
      }
    } finally {
      await new Promise((resolve) => out.end(resolve));
    }
    if (total !== null && bytes < total) throw new Error('the connection was cut off');
  } finally {
    clearTimeout(patience);
  }
}

function sizeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

async function md5Of(file) {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}
