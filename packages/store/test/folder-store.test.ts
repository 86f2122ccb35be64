import { fork } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '@tessera/spec';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checksumText, crc32c } from '../src/checksum.js';
import { isTemporaryName } from '../src/safe-write.js';
import type { TileStore } from '../src/tile-store.js';
import { collect, temporaryStore } from './experiment-fixture.js';

let folder: string;
let store: TileStore;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, store, remove } = await temporaryStore());
});
afterEach(async () => {
  vi.restoreAllMocks();
  await remove();
});

const code = (expected: string) => expect.objectContaining({ name: 'TesseraError', code: expected });

async function allKeys(): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list('')) keys.push(key);
  return keys.sort();
}

async function temporaryFiles(): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => isTemporaryName(name.split('/').at(-1) ?? ''));
}

/** Makes file handles of this process fail in one operation. Returns the mock. */
async function failing(operation: 'write' | 'sync', errorCode: string, afterCalls = 0) {
  const handle = await open(folder, 'r');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const original = prototype[operation];
  let calls = 0;
  return vi.spyOn(prototype, operation).mockImplementation(function (this: unknown, ...args: unknown[]) {
    calls += 1;
    if (calls <= afterCalls) return original.apply(this, args);
    return Promise.reject(Object.assign(new Error(`${errorCode}: injected`), { code: errorCode }));
  });
}

describe('the folder store', () => {
  it.each([true, false])(
    'gives back what was put, in one piece or in parts (durable: %s)',
    async (durable) => {
      await store.put('a/b/one', Buffer.from('hello'), { durable });
      await store.put('a/b/parts', [Buffer.from('he'), Buffer.alloc(0), Buffer.from('llo')], { durable });
      async function* pieces() {
        yield Buffer.from('hel');
        yield Buffer.from('lo');
      }
      await store.put('a/streamed', pieces(), { durable });
      for (const key of ['a/b/one', 'a/b/parts', 'a/streamed']) {
        expect((await store.get(key)).toString()).toBe('hello');
        expect(await store.size(key)).toBe(5);
        expect((await store.getRange(key, 1, 3)).toString()).toBe('ell');
        expect((await collect(store.stream(key, 2, 3))).toString()).toBe('llo');
      }
      expect(await allKeys()).toEqual(['a/b/one', 'a/b/parts', 'a/streamed']);
    },
  );

  it('replaces a key whole', async () => {
    await store.put('k', Buffer.from('a long first value'));
    await store.put('k', Buffer.from('short'));
    expect((await store.get('k')).toString()).toBe('short');
  });

  it('streams more than one piece of a large key', async () => {
    const bytes = Buffer.alloc(3_500_000, 'abcdefg');
    await store.put('large', bytes, { durable: false });
    expect((await collect(store.stream('large', 11, 3_400_000))).equals(bytes.subarray(11, 3_400_011))).toBe(
      true,
    );
  });

  it('says not-found for an absent key, a folder and a key below a file, and null for its size', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['absent', 'a', 'a/b/c']) {
      await expect(store.get(key)).rejects.toEqual(code('not-found'));
      await expect(store.getRange(key, 0, 1)).rejects.toEqual(code('not-found'));
      await expect(collect(store.stream(key, 0, 1))).rejects.toEqual(code('not-found'));
      await expect(store.copy(key, 'to')).rejects.toEqual(code('not-found'));
      expect(await store.size(key)).toBeNull();
    }
  });

  it('says corrupt-chunk where a file ends before the range asked for', async () => {
    await store.put('k', Buffer.from('12345'));
    await expect(store.getRange('k', 3, 3)).rejects.toEqual(code('corrupt-chunk'));
    await expect(collect(store.stream('k', 6, 1))).rejects.toEqual(code('corrupt-chunk'));
  });

  it('refuses keys that could leave the folder or look like an unfinished write', async () => {
    for (const key of [
      '',
      '/a',
      'a/',
      '../a',
      'a/../../b',
      'a//b',
      './a',
      'a\\b',
      'a\0b',
      'a/.b.0123456789abcdef.part',
    ]) {
      await expect(store.put(key, Buffer.from('x')), JSON.stringify(key)).rejects.toEqual(code('internal'));
    }
    await expect(store.deletePrefix('')).rejects.toEqual(code('internal'));
  });

  it('copies by a link that outlives the original, onto an existing key and twice', async () => {
    await store.put('from', Buffer.from('bytes'), { durable: false });
    await store.put('there/to', Buffer.from('old'));
    await store.copy('from', 'there/to');
    await store.copy('from', 'there/to');
    await store.delete('from');
    expect((await store.get('there/to')).toString()).toBe('bytes');
    expect(await temporaryFiles()).toEqual([]);
  });

  it('copies nothing whose checksum is not the one that was asked for', async () => {
    await store.put('from', Buffer.from('bytes'), { durable: false });
    await store.put('to', Buffer.from('old'));
    await expect(store.copy('from', 'to', '00000000')).rejects.toEqual(code('corrupt-chunk'));
    expect((await store.get('to')).toString()).toBe('old');
    expect(await temporaryFiles()).toEqual([]);
    await store.copy('from', 'to', checksumText(crc32c(Buffer.from('bytes'))));
    expect((await store.get('to')).toString()).toBe('bytes');
  });

  it('lists and deletes by folder, not by the beginning of a name', async () => {
    for (const key of ['experiments/1.zarr/a', 'experiments/1.zarr/c/0', 'experiments/10.zarr/a', 'other']) {
      await store.put(key, Buffer.from('x'), { durable: false });
    }
    expect(await store.listChildren('experiments')).toEqual(['1.zarr', '10.zarr']);
    expect(await store.listChildren('absent')).toEqual([]);
    await store.deletePrefix('experiments/1.zarr');
    await store.deletePrefix('experiments/absent');
    await store.delete('absent/key');
    expect(await allKeys()).toEqual(['experiments/10.zarr/a', 'other']);
  });

  it('checks that it can write, leaves nothing behind, and tells the free space', async () => {
    await store.check();
    expect(await readdir(folder)).toEqual([]);
    expect(await store.freeBytes()).toBeGreaterThan(0);
  });
});

describe('a write that fails', () => {
  it.each(['ENOSPC', 'EIO', 'EDQUOT', 'EROFS', 'EACCES'])(
    'with %s keeps the old value, leaves no file, and is `unavailable`',
    async (errorCode) => {
      await store.put('k', Buffer.from('old'));
      const write = await failing('write', errorCode, 1);
      const source = [Buffer.from('new '), Buffer.from('value')];
      await expect(store.put('k', source)).rejects.toEqual(code('unavailable'));
      await expect(store.put('absent', source)).rejects.toEqual(code('unavailable'));
      await expect(store.check()).rejects.toEqual(code('unavailable'));
      write.mockRestore();
      expect((await store.get('k')).toString()).toBe('old');
      expect(await allKeys()).toEqual(['k']);
      expect(await temporaryFiles()).toEqual([]);
    },
  );

  it('in its sync keeps the old value', async () => {
    await store.put('k', Buffer.from('old'));
    const sync = await failing('sync', 'EIO');
    await expect(store.put('k', Buffer.from('new'))).rejects.toEqual(code('unavailable'));
    sync.mockRestore();
    expect((await store.get('k')).toString()).toBe('old');
    expect(await temporaryFiles()).toEqual([]);
  });

  it("because its source fails passes the source's error on and leaves nothing", async () => {
    async function* source() {
      yield Buffer.from('half');
      throw new TesseraError('corrupt-chunk', 'the source is damaged');
    }
    await expect(store.put('k', source())).rejects.toEqual(code('corrupt-chunk'));
    expect(await readdir(folder)).toEqual([]);
  });

  it('in a durable put syncs the file and its folder; a temporary one syncs nothing', async () => {
    const sync = await failing('sync', 'EIO', Number.POSITIVE_INFINITY);
    await store.put('k', Buffer.from('x'), { durable: false });
    expect(sync).toHaveBeenCalledTimes(0);
    await store.put('k', Buffer.from('x'));
    expect(sync).toHaveBeenCalledTimes(2);
    await store.put('new/folder/k', Buffer.from('x'));
    expect(sync).toHaveBeenCalledTimes(2 + 4);
  });
});

describe('a process killed between the temporary file and the rename', () => {
  it('leaves the key as it was, and a file that the next sweep deletes once it is an hour old', async () => {
    await store.put('e/k', Buffer.from('old'));
    const child = fork(join(import.meta.dirname, 'endless-put.mjs'), [folder], { stdio: 'inherit' });
    await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await store.get('e/k')).toString()).toBe('old');
    expect(await store.size('e/absent')).toBeNull();
    expect(await allKeys()).toEqual(['e/k']);
    expect(await store.listChildren('e')).toEqual(['k']);
    expect(await temporaryFiles()).toHaveLength(2);
    expect(await store.deleteAbandonedWrites(60_000)).toBe(0);
    expect(await store.deleteAbandonedWrites(0)).toBe(2);
    expect(await temporaryFiles()).toEqual([]);
    expect((await store.get('e/k')).toString()).toBe('old');
  });
});

it('a key whose file is old is not an abandoned write', async () => {
  await store.put('k', Buffer.from('x'));
  await utimes(join(folder, 'k'), 0, 0);
  await writeFile(join(folder, '.not-ours.part'), 'x');
  expect(await store.deleteAbandonedWrites(0)).toBe(0);
});
