import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Stage, until } from './stage.js';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open('postgres');
});
afterEach(() => stage?.close());

it('pauses new work while the store is nearly full, fails nothing, and goes on by itself', async () => {
  let free: number | null = 2000;
  let looks = 0;
  const freeBytes = async () => {
    looks += 1;
    return free;
  };
  /** Until the dispatcher has looked at the store, twice: what the first look found has been acted upon. */
  const looked = async () => {
    const before = looks;
    await until(async () => looks >= before + 2);
  };
  const log: string[] = [];
  const note = (_: object, message: string) => void log.push(message);
  await stage.dispatcher({
    room: { freeBytes, minFreeBytes: 1000 },
    log: { info: note, warn: note, error: note },
  });
  const before = await stage.create();
  const waves: string[] = [];
  await stage.runners(async ({ experimentId, wave }) => void waves.push(`${experimentId} ${wave}`));
  await stage.reaches(before, 'completed');

  free = 999;
  await looked();
  const id = await stage.create();
  await until(async () => (await stage.experiment(id)).paused !== null);
  const paused = await stage.experiment(id);
  expect(paused.paused).toMatch(/less than 1,000 bytes free \(TESSERA_MIN_FREE_BYTES\)/);
  expect(log).toContain('paused: the store is nearly full');
  await sleep(500);
  expect(waves.filter((wave) => wave.startsWith(id))).toEqual([]);
  // A little more is not enough: a store at the limit would flap.
  free = 1050;
  await looked();
  expect((await stage.experiment(id)).paused).not.toBeNull();

  free = 1100;
  const completed = await stage.reaches(id, 'completed');
  expect(completed).toMatchObject({ paused: null, error: null });
  expect(completed.progress.tiles).toMatchObject({ failed: 0 });
  expect(log).toContain('resumed: the store has room');
});

it('lets analyses and finishes go on, which free what is temporary', async () => {
  let free = 2000;
  await stage.dispatcher({ room: { freeBytes: async () => free, minFreeBytes: 1000 } });
  const done: string[] = [];
  await stage.runners(async ({ wave }) => {
    done.push(wave);
    // The last tile of the only kernel: from here on there is no room.
    if (wave === 'train' && done.length === 3) free = 0;
  });
  const id = await stage.create({ kernels: 1, strips: 0, trainings: 0 });
  const record = await stage.reaches(id, 'completed');
  expect(record.progress.analyses).toMatchObject({ done: 3 });
});
