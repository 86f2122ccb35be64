import { fork } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isTemporaryName } from '../src/safe-write.js';
import type { TileStore } from '../src/tile-store.js';
import { allKeys, temporaryStore } from './experiment-fixture.js';

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
  it('copies by a link, and leaves no file beside it', async () => {
    await store.put('from', Buffer.from('bytes'), { durable: false });
    await store.put('there/to', Buffer.from('old'));
    await store.copy('from', 'there/to');
    await store.copy('from', 'there/to');
    expect((await stat(join(folder, 'there/to'))).nlink).toBe(2);
    expect(await temporaryFiles()).toEqual([]);
  });

  it('leaves nothing behind of a check or a write-once write, and tells the free space', async () => {
    await store.check();
    expect(await readdir(folder)).toEqual([]);
    for (let i = 0; i < 2; i += 1) await store.put('once', Buffer.from('x'), { once: true });
    expect(await readdir(folder)).toEqual(['once']);
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
      expect(await allKeys(store)).toEqual(['k']);
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
    expect(await allKeys(store)).toEqual(['e/k']);
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
