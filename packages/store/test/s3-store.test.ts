/** The store on S3 when the network and the server misbehave. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canHaveS3, type HttpDoor, openCable, openHttpDoor, testBucket, testS3Url } from '@tessera/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { experimentKeys } from '../src/experiment-layout.js';
import { parseNpy } from '../src/npy.js';
import { floatsOf } from '../src/number-bytes.js';
import { openStore } from '../src/open-store.js';
import { openS3Store, type S3Patience } from '../src/s3-store.js';
import { encodeShard, readShardChunk } from '../src/shard.js';
import type { TileStore } from '../src/tile-store.js';
import {
  allKeys,
  collect,
  makeLayout,
  randomArrays,
  smallSizes,
  temporaryBucket,
  writeExperiment,
} from './experiment-fixture.js';
import { findPython, runPython } from './python.js';

const code = (expected: string, message = /./) =>
  expect.objectContaining({ code: expected, message: expect.stringMatching(message) });
const large = Buffer.alloc(11_000_000, 'abcdefg');

describe.skipIf(!canHaveS3())('the store on S3', () => {
  let door: HttpDoor;
  let store: TileStore;
  const openStoreBehind = async (patience: S3Patience = {}) => {
    door = await openHttpDoor(await testS3Url());
    ({ store } = await temporaryBucket(door.url, patience));
    door.requests.length = 0;
  };
  beforeEach(() => openStoreBehind());
  afterEach(() => door.close());

  it('asks again where the server answers 500 or 503', async () => {
    await store.put('k', Buffer.from('value'));
    for (const status of [500, 503]) {
      door.requests.length = 0;
      door.faults(({ index }) => (index < 2 ? { kind: 'status', status } : null));
      expect((await store.get('k')).toString()).toBe('value');
      expect(door.requests).toHaveLength(3);
      door.requests.length = 0;
      await store.put('k', Buffer.from('value'));
      expect(door.requests).toHaveLength(3);
    }
    // One part of a large object.
    door.requests.length = 0;
    door.faults(({ path, index }) =>
      /partNumber=2/.test(path) && index < 4 ? { kind: 'status', status: 503 } : null,
    );
    await store.put('large', large);
    expect((await store.get('large')).equals(large)).toBe(true);
  });

  it('is unavailable where the server goes on answering 503, and keeps what was there', async () => {
    await store.put('k', Buffer.from('old'));
    const impatient = await openS3Store(
      { ...(await testBucket(door.url)).location },
      { attempts: 2, partBytes: 5 * 2 ** 20 },
    );
    door.faults(() => ({ kind: 'status', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }));
    for (const work of [
      () => impatient.put('k', Buffer.from('new')),
      () => impatient.put('k', large),
      () => impatient.get('k'),
      () => impatient.size('k'),
      () => impatient.copy('k', 'l'),
      () => impatient.deletePrefix('k'),
      () => impatient.check(),
      () => allKeys(impatient),
    ])
      await expect(work()).rejects.toEqual(code('unavailable'));
    door.faults(() => null);
    expect((await store.get('k')).toString()).toBe('old');
  });

  it('takes a write whose answer was lost for done, written once or not, in one part or in several', async () => {
    for (const bytes of [Buffer.from('value'), large]) {
      for (const once of [true, false]) {
        door.requests.length = 0;
        let lost = 0;
        // The PUT of one part, or the completion of several.
        door.faults(({ method, path }) => {
          const isLast = bytes === large ? method === 'POST' && /uploadId=/.test(path) : method === 'PUT';
          if (!isLast || lost > 0) return null;
          lost += 1;
          return { kind: 'lost-answer' };
        });
        const key = `${bytes.length}-${once}`;
        await store.put(key, bytes, { once });
        expect(lost).toBe(1);
        expect((await store.get(key)).equals(bytes)).toBe(true);
      }
    }
    door.faults(() => null);
    expect(await store.deleteAbandonedWrites(0)).toBe(0);
  });

  it('goes on reading where an answer broke off, and asks for no byte twice', async () => {
    await store.put('k', large);
    door.requests.length = 0;
    const cuts = [1000, 3_000_000, 0];
    door.faults(({ index }) =>
      index < cuts.length ? { kind: 'cut-body', after: cuts[index] as number } : null,
    );
    expect((await store.get('k')).equals(large)).toBe(true);
    expect(door.requests).toHaveLength(4);
    door.requests.length = 0;
    expect((await store.getRange('k', 77, 5_000_000)).equals(large.subarray(77, 5_000_077))).toBe(true);
    expect(door.requests).toHaveLength(4);
  });

  it('gives up a connection that says nothing any more', async () => {
    door.close();
    await openStoreBehind({ silenceMs: 300 });
    await store.put('k', Buffer.from('0123456789'));
    door.requests.length = 0;
    door.faults(({ index }) => (index === 0 ? { kind: 'stalled-body', after: 3 } : null));
    expect((await store.get('k')).toString()).toBe('0123456789');
    expect(door.requests).toHaveLength(2);
  });

  it('outlives cut connections, and is unavailable while nothing listens', async () => {
    const cable = await openCable(await testS3Url());
    const { location } = await testBucket(cable.url);
    const cut = await openS3Store(location, { attempts: 3, silenceMs: 2000 });
    await cut.put('k', Buffer.from('value'));
    await cable.cut();
    expect((await cut.get('k')).toString()).toBe('value');
    await cable.shut();
    await expect(cut.get('k')).rejects.toEqual(code('unavailable'));
    await expect(cut.put('k', large)).rejects.toEqual(code('unavailable'));
    await cable.open();
    expect((await cut.get('k')).toString()).toBe('value');
    await cable.close();
  });

  it('finds an object that was cut short or changed by its checksum', async () => {
    const shard = encodeShard([Buffer.from('first chunk'), Buffer.from('other chunk')]);
    const whole = Buffer.concat(shard.parts);
    await store.put('shard', shard.parts);
    expect((await readShardChunk(store, 'shard', 1, 2, 11)).toString()).toBe('other chunk');
    await store.put('shard', whole.subarray(0, -7));
    await expect(readShardChunk(store, 'shard', 1, 2, 11)).rejects.toEqual(code('corrupt-chunk'));
    await expect(store.copy('shard', 'published', shard.checksum)).rejects.toEqual(code('corrupt-chunk'));
    whole[2] = (whole[2] as number) ^ 1;
    await store.put('shard', whole);
    await expect(readShardChunk(store, 'shard', 0, 2, 11)).rejects.toEqual(code('corrupt-chunk'));
    await expect(store.copy('shard', 'published', shard.checksum)).rejects.toEqual(code('corrupt-chunk'));
    expect(await store.size('published')).toBeNull();
  });

  it('deletes the parts of uploads whose writers died, once they are old', async () => {
    door.faults(({ method, path }) => {
      // The completion never arrives, and neither does the wish to abandon it: as where the process was killed.
      const isEnd = /uploadId=/.test(path) && method !== 'PUT';
      return isEnd ? { kind: 'status', status: 400, body: '<Error><Code>Killed</Code></Error>' } : null;
    });
    await expect(store.put('k', large)).rejects.toEqual(code('unavailable'));
    door.faults(() => null);
    expect(await store.size('k')).toBeNull();
    // moto says 2010 of every upload.
    expect(await store.deleteAbandonedWrites(100 * 365 * 86_400_000)).toBe(0);
    expect(await store.deleteAbandonedWrites(0)).toBe(1);
    expect(await store.deleteAbandonedWrites(0)).toBe(0);
  });

  it('is not opened where there is no such bucket, no access, or no server, with a sentence that says so', async () => {
    const { location } = await testBucket(door.url);
    const opening = (faulty: object) => openStore({ ...location, ...faulty });
    await expect(opening({ bucket: 'tessera-absent' })).rejects.toEqual(
      code('unavailable', /no such bucket/),
    );
    door.faults(() => ({ kind: 'status', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }));
    await expect(opening({})).rejects.toEqual(code('unavailable', /access is denied.*docs\/storage\.md/));
    door.close();
    const nobody = openS3Store(location, { attempts: 1 });
    await expect(nobody).rejects.toEqual(code('unavailable', /ECONNREFUSED/));
  });

  it('streams to a reader that stops early without holding the connection', async () => {
    await store.put('k', large);
    for (let times = 0; times < 60; times += 1) {
      for await (const piece of store.stream('k', 0, large.length)) {
        expect(piece[0]).toBe(large[0]);
        break;
      }
    }
    expect((await collect(store.stream('k', 5, 2))).toString()).toBe('fg');
  });
});

const python = findPython();
it.skipIf(python === null || !canHaveS3())(
  'xarray reads an experiment from the bucket, values, coordinates and names (obstore)',
  async () => {
    const { bucket, store } = await temporaryBucket();
    const layout = makeLayout(smallSizes);
    const all = randomArrays(layout);
    await writeExperiment(store, layout, all, [2]);
    const out = await mkdtemp(join(tmpdir(), 'tessera-s3-python-'));
    const url = `${bucket.env.TESSERA_STORE}/${experimentKeys(layout.id).root}`;
    const seen = JSON.parse(await runPython(python as string, 'read_group.py', [url, out], bucket.env));
    expect(seen.kernel).toEqual(['ntk', 'nngp']);
    for (const [name, expected] of all) {
      const npy = parseNpy(await readFile(join(out, `${name}.npy`)));
      expect(floatsOf(npy.data, '<f8'), name).toEqual(expected.data);
    }
    await rm(out, { recursive: true });
  },
);
