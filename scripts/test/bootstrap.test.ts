import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Zippable, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findOrFetchCifar10 } from '../bootstrap/cifar10.mjs';
import { download } from '../bootstrap/download.mjs';
import { unpackTar } from '../bootstrap/tar.mjs';
import { zipEntries } from '../bootstrap/zip.mjs';

let folder: string;
let server: Server | null = null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-bootstrap-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = null;
  await rm(folder, { recursive: true, force: true });
});

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));

describe('the zip reader', () => {
  it('reads stored and deflated entries', () => {
    const entries: Zippable = {
      'a/stored.bin': [bytes, { level: 0 }],
      'a/deflated.bin': [bytes, { level: 6 }],
    };
    const read = zipEntries(Buffer.from(zipSync(entries)));
    expect(read.map(({ name }) => name)).toEqual(['a/stored.bin', 'a/deflated.bin']);
    for (const entry of read) expect(entry.read().equals(bytes)).toBe(true);
  });

  it('refuses what is no zip file', () => {
    expect(() => zipEntries(bytes)).toThrow('no zip file');
  });
});

/** One entry of a ustar archive. */
function tarEntry(name: string, content: Buffer, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

describe('the tar reader', () => {
  it.each([1, 511, 4096, 1_000_000])(
    'writes the chosen plain files from chunks of %d bytes',
    async (size) => {
      const content = bytes.subarray(0, size === 1 ? 700 : bytes.length);
      const archive = Buffer.concat([
        tarEntry('folder/', Buffer.alloc(0), '5'),
        tarEntry('folder/one.bin', content),
        tarEntry('folder/empty.bin', Buffer.alloc(0)),
        tarEntry('../outside.bin', Buffer.from('no')),
        tarEntry('folder/two.bin', Buffer.from('two')),
        Buffer.alloc(1024),
      ]);
      const chunks = Array.from({ length: Math.ceil(archive.length / size) }, (_, i) =>
        archive.subarray(i * size, (i + 1) * size),
      );
      const choose = (name: string) => (/^folder\/\w+\.bin$/.test(name) ? join(folder, name.slice(7)) : null);
      await unpackTar(Readable.from(chunks), choose);
      expect((await readFile(join(folder, 'one.bin'))).equals(content)).toBe(true);
      expect(await readFile(join(folder, 'two.bin'), 'utf8')).toBe('two');
      expect((await readFile(join(folder, 'empty.bin'))).length).toBe(0);
    },
  );

  it('refuses an archive that was cut short', async () => {
    const archive = tarEntry('one.bin', bytes).subarray(0, 1000);
    await expect(unpackTar(Readable.from([archive]), () => null)).rejects.toThrow('ends too early');
  });
});

/** Serves `bytes`, cutting each connection off after `cutAfter` bytes. */
async function serve(cutAfter: number): Promise<{ url: string; ranges: (string | undefined)[] }> {
  const ranges: (string | undefined)[] = [];
  const listening = createServer((request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    response.write(rest.subarray(0, cutAfter), () => {
      if (rest.length > cutAfter) response.destroy();
      else response.end();
    });
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(listening.address() as { port: number }).port}/file`, ranges };
}

describe('a download', () => {
  const md5 = createHash('md5').update(bytes).digest('hex');
  const onProgress = () => {};

  it('goes on where the connection was cut off', async () => {
    const { url, ranges } = await serve(200_000);
    const file = join(folder, 'file');
    await download({ url, file, md5, onProgress });
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(/^bytes=\d+-$/);
  });

  it('goes on where an earlier start was cut off', async () => {
    const { url, ranges } = await serve(bytes.length);
    const file = join(folder, 'file');
    await writeFile(`${file}.part`, bytes.subarray(0, 1234));
    await download({ url, file, md5, onProgress });
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(ranges).toEqual(['bytes=1234-']);
  });

  it('refuses other bytes, and keeps none of them', async () => {
    const { url } = await serve(bytes.length);
    const file = join(folder, 'file');
    await expect(download({ url, file, md5: 'f'.repeat(32), onProgress })).rejects.toThrow('other bytes');
    await expect(readFile(`${file}.part`)).rejects.toThrow('ENOENT');
  });

  it('gives up at once where nobody answers', async () => {
    const url = 'http://127.0.0.1:9/file';
    await expect(download({ url, file: join(folder, 'file'), md5, onProgress })).rejects.toThrow('no answer');
  });
});

describe('CIFAR-10', () => {
  it.each(['given', 'in the data folder'])('is found where it is %s', async (place) => {
    const dataDir = join(folder, 'data');
    const images = place === 'given' ? join(folder, 'images') : join(dataDir, 'cifar-10-batches-bin');
    await mkdir(images, { recursive: true });
    for (const name of ['data_batch_1.bin', 'test_batch.bin']) await writeFile(join(images, name), '');
    const given = place === 'given' ? images : null;
    expect(await findOrFetchCifar10({ given, dataDir })).toBe(images);
  });
});
