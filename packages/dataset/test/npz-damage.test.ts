import { TesseraError } from '@tessera/spec';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { importNpz, openDataset } from '../src/index.js';
import { npz, soundMembers } from './npz-files.js';
import { openScratch, type Scratch } from './scratch.js';

/** Imports damaged bytes: they are refused as an invalid data set, or what was damaged did not matter. */
async function importDamaged(scratch: Scratch, damaged: Uint8Array): Promise<'refused' | string> {
  const path = await scratch.file('damaged.npz', damaged);
  try {
    return (await importNpz(scratch.store, path)).sha256;
  } catch (error) {
    expect(error).toBeInstanceOf(TesseraError);
    expect((error as TesseraError).code).toBe('invalid-dataset');
    return 'refused';
  }
}

/** A small generator of our own, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe.each([false, true])('a damaged archive (compressed: %s)', (compressed) => {
  const sound = npz(soundMembers(), compressed);

  it('cut off at any byte is refused', async () => {
    const scratch = await openScratch();
    for (let length = 0; length < sound.length; length += 3) {
      expect(await importDamaged(scratch, sound.subarray(0, length)), `${length} bytes`).toBe('refused');
    }
    expect(await scratch.keys()).toEqual([]);
  });

  it('with any bit flipped is refused, or holds the same images', async () => {
    const scratch = await openScratch();
    const { sha256 } = await importNpz(scratch.store, await scratch.file('sound.npz', sound));
    for (let byte = 0; byte < sound.length; byte += 2) {
      const damaged = Uint8Array.from(sound);
      damaged[byte] = (damaged[byte] as number) ^ (1 << (byte % 8));
      expect(['refused', sha256], `byte ${byte}`).toContain(await importDamaged(scratch, damaged));
    }
  });

  it('with random bytes in its directory never crashes or hangs', async () => {
    const scratch = await openScratch();
    const random = numbers(7);
    const next = () => random.next().value as number;
    for (let round = 0; round < 200; round++) {
      const damaged = Uint8Array.from(sound);
      for (let i = 0; i < 4; i++) {
        const at = Math.floor(next() * damaged.length);
        for (let j = at; j < Math.min(at + 8, damaged.length); j++)
          damaged[j] = next() < 0.5 ? 255 : next() * 256;
      }
      await importDamaged(scratch, damaged);
    }
  });
});

it('an archive with zip64 offsets outside of itself is refused', async () => {
  const scratch = await openScratch();
  const zip = Buffer.from(zipSync({ 'x_train.npy': new Uint8Array(10) }));
  const end = zip.indexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const locator = Buffer.alloc(20, 255);
  locator.write('PK\x06\x07', 0, 'latin1');
  locator.writeUInt32LE(0, 4);
  const damaged = Buffer.concat([zip.subarray(0, end), locator, zip.subarray(end)]);
  expect(await importDamaged(scratch, damaged)).toBe('refused');
});

describe('a stored data set', () => {
  it('whose images are damaged fails to be read, and no other image does', async () => {
    const scratch = await openScratch();
    const { store } = scratch;
    const path = await scratch.file('sound.npz', npz(soundMembers()));
    const { sha256 } = await importNpz(store, path);
    const key = `datasets/${sha256}/train-images.bin`;
    const images = await store.get(key);
    images[40] = (images[40] as number) ^ 1;
    await store.put(key, images);
    const dataset = await openDataset(store, sha256);
    await expect(dataset.rawImages('train', Int32Array.of(0))).rejects.toMatchObject({
      code: 'corrupt-chunk',
    });
  });

  it.each(['train-labels.bin', 'train-images-crc32c.bin', 'manifest.json'])(
    'whose %s is damaged does not open',
    async (name) => {
      const scratch = await openScratch();
      const { store } = scratch;
      const { sha256 } = await importNpz(store, await scratch.file('sound.npz', npz(soundMembers())));
      const key = `datasets/${sha256}/${name}`;
      const bytes = (await store.get(key)).toString('latin1').replace(/[\0-9]/, '~');
      await store.put(key, Buffer.from(bytes, 'latin1'));
      await expect(openDataset(store, sha256)).rejects.toMatchObject({ code: 'corrupt-chunk' });
    },
  );

  it('that is not there is not found', async () => {
    const { store } = await openScratch();
    await expect(openDataset(store, 'f'.repeat(64))).rejects.toMatchObject({ code: 'not-found' });
  });
});
