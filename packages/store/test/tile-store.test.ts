/** What every tile store does, whatever it stands on. */
import { TesseraError } from '@tessera/spec';
import { canHaveS3 } from '@tessera/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksumText, crc32c } from '../src/checksum.js';
import type { TileStore } from '../src/tile-store.js';
import { allKeys, collect, temporaryBucket, temporaryStore } from './experiment-fixture.js';

const stores = [
  { kind: 'a folder', open: temporaryStore },
  ...(canHaveS3() ? [{ kind: 'S3', open: temporaryBucket }] : []),
];

const code = (expected: string) => expect.objectContaining({ name: 'TesseraError', code: expected });

describe.each(stores)('the tile store on $kind', ({ open }) => {
  let store: TileStore;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ store, remove } = await open());
  });
  afterEach(() => remove());

  it.each([true, false])(
    'gives back what was put, in one piece or in parts (durable: %s)',
    async (durable) => {
      await store.put('a/b/one', Buffer.from('hello'), { durable });
      await store.put('a/b/parts', [Buffer.from('he'), Buffer.alloc(0), Buffer.from('llo')], { durable });
      async function* pieces() {
        const reused = Buffer.from('hel');
        yield reused;
        reused.write('lo-');
        yield reused.subarray(0, 2);
      }
      await store.put('a/streamed', pieces(), { durable });
      for (const key of ['a/b/one', 'a/b/parts', 'a/streamed']) {
        expect((await store.get(key)).toString()).toBe('hello');
        expect(await store.size(key)).toBe(5);
        expect((await store.getRange(key, 1, 3)).toString()).toBe('ell');
        expect((await collect(store.stream(key, 2, 3))).toString()).toBe('llo');
      }
      expect(await allKeys(store)).toEqual(['a/b/one', 'a/b/parts', 'a/streamed']);
    },
  );

  it('replaces a key whole, and holds an empty one', async () => {
    await store.put('k', Buffer.from('a long first value'));
    await store.put('k', Buffer.from('short'));
    expect((await store.get('k')).toString()).toBe('short');
    await store.put('k', []);
    expect(await store.size('k')).toBe(0);
    expect((await store.get('k')).byteLength).toBe(0);
  });

  it('never replaces what is written once; the same bytes again are fine', async () => {
    const once = { once: true, durable: false };
    await store.put('piece', Buffer.from('first'), once);
    await store.put('piece', [Buffer.from('fir'), Buffer.from('st')], once);
    await expect(store.put('piece', Buffer.from('other'), once)).rejects.toEqual(code('internal'));
    await expect(store.put('piece', Buffer.from('longer'), once)).rejects.toEqual(code('internal'));
    expect((await store.get('piece')).toString()).toBe('first');
    expect(await allKeys(store)).toEqual(['piece']);
  });

  it('stores what is larger than a part of an upload, and streams it from any byte', async () => {
    const bytes = Buffer.alloc(12_500_000, 'abcdefg');
    async function* pieces() {
      for (let from = 0; from < bytes.length; from += 700_001) yield bytes.subarray(from, from + 700_001);
    }
    await store.put('large', bytes, { durable: false });
    await store.put('streamed', pieces(), { once: true });
    await store.put('streamed', pieces(), { once: true });
    for (const key of ['large', 'streamed']) {
      expect((await store.get(key)).equals(bytes)).toBe(true);
      const middle = await collect(store.stream(key, 11, 12_400_000));
      expect(middle.equals(bytes.subarray(11, 12_400_011))).toBe(true);
    }
  });

  it('says not-found for an absent key, a folder and a key below a key, and null for its size', async () => {
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['absent', 'a', 'a/b/c']) {
      await expect(store.get(key)).rejects.toEqual(code('not-found'));
      await expect(store.getRange(key, 0, 1)).rejects.toEqual(code('not-found'));
      await expect(collect(store.stream(key, 0, 1))).rejects.toEqual(code('not-found'));
      await expect(store.copy(key, 'to')).rejects.toEqual(code('not-found'));
      expect(await store.size(key)).toBeNull();
    }
  });

  it('says corrupt-chunk where fewer bytes are stored than asked for', async () => {
    await store.put('k', Buffer.from('12345'));
    await expect(store.getRange('k', 3, 3)).rejects.toEqual(code('corrupt-chunk'));
    await expect(collect(store.stream('k', 6, 1))).rejects.toEqual(code('corrupt-chunk'));
  });

  it('refuses keys that could leave it or look like an unfinished write', async () => {
    const keys = ['', '/a', 'a/', '../a', 'a/../../b', 'a//b', './a', 'a\\b', 'a\0b'];
    for (const key of [...keys, 'a/.b.0123456789abcdef.part']) {
      await expect(store.put(key, Buffer.from('x')), JSON.stringify(key)).rejects.toEqual(code('internal'));
    }
    await expect(store.deletePrefix('')).rejects.toEqual(code('internal'));
  });

  it('copies what outlives the original, onto an existing key and twice', async () => {
    await store.put('from', Buffer.from('bytes'), { durable: false });
    await store.put('there/to', Buffer.from('old'));
    await store.copy('from', 'there/to');
    await store.copy('from', 'there/to');
    await store.delete('from');
    expect((await store.get('there/to')).toString()).toBe('bytes');
  });

  it('copies nothing whose checksum is not the one that was asked for', async () => {
    await store.put('from', Buffer.from('bytes'), { durable: false });
    await store.put('to', Buffer.from('old'));
    await expect(store.copy('from', 'to', '00000000')).rejects.toEqual(code('corrupt-chunk'));
    expect((await store.get('to')).toString()).toBe('old');
    await store.copy('from', 'to', checksumText(crc32c(Buffer.from('bytes'))));
    expect((await store.get('to')).toString()).toBe('bytes');
  });

  it('lists and deletes by folder, not by the beginning of a name', async () => {
    const keys = [
      'experiments/1.zarr/a',
      'experiments/1.zarr/c/0',
      'experiments/10.zarr/a',
      'experiments/stray',
    ];
    for (const key of [...keys, 'other']) await store.put(key, Buffer.from('xy'), { durable: false });
    expect(await store.listChildren('experiments')).toEqual(['1.zarr', '10.zarr', 'stray']);
    expect(await store.listChildren('absent')).toEqual([]);
    for await (const { bytes } of store.list('experiments')) expect(bytes).toBe(2);
    await store.deletePrefix('experiments/1.zarr');
    await store.deletePrefix('experiments/stray');
    await store.deletePrefix('experiments/absent');
    await store.delete('absent/key');
    expect(await allKeys(store)).toEqual(['experiments/10.zarr/a', 'other']);
  });

  it('checks that it can write, and leaves nothing behind', async () => {
    await store.check();
    expect(await allKeys(store)).toEqual([]);
    expect(await store.deleteAbandonedWrites(0)).toBe(0);
  });

  it("passes on the error of a write's source, and stores nothing of it", async () => {
    for (const size of [4, 11_000_000]) {
      async function* source() {
        yield Buffer.alloc(size);
        throw new TesseraError('corrupt-chunk', 'the source is damaged');
      }
      await expect(store.put('k', source())).rejects.toEqual(code('corrupt-chunk'));
      expect(await store.size('k')).toBeNull();
      expect(await store.deleteAbandonedWrites(0)).toBe(0);
    }
  });
});
