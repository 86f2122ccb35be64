import {
  announceWorker,
  claimTask,
  computedBy,
  releaseTask,
  startKernels,
  takeReady,
} from '@tessera/database';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Stage, until } from './stage.js';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open('postgres');
});
afterEach(() => stage?.close());

const [f64, f32] = ['f64 fcn erf', 'f32 fcn erf'];
const native = { engine: 'native', fingerprint: 'native-1', abilities: [f64, f32] };
const tfjs = { engine: 'tfjs', fingerprint: 'tfjs-1', abilities: [f32] };

it('gives tiles only to workers whose engine has them, and says which engines had a part', async () => {
  await stage.dispatcher();
  const did = { native: new Set<string>(), tfjs: new Set<string>() };
  const note = (who: keyof typeof did) => async (task: { experimentId: string; wave: string }) => {
    if (task.wave === 'train' || task.wave === 'strip') did[who].add(task.experimentId);
  };
  await stage.runners(note('tfjs'), { worker: tfjs });
  await stage.runners(note('native'), { worker: native });
  const precise = await stage.create({ numerics: 'any', needs: f64, trainings: 0 });
  const demanded = await stage.create({ numerics: 'tfjs', needs: f32, trainings: 0 });
  await stage.reaches(precise, 'completed');
  await stage.reaches(demanded, 'completed');
  expect(did.tfjs.has(precise)).toBe(false);
  expect(did.native.has(demanded)).toBe(false);
  const tiles = (await computedBy(stage.db, demanded)).filter(({ wave }) => wave === 'train');
  expect(tiles).toEqual([{ wave: 'train', engine: 'tfjs', device: 'none', fingerprint: 'tfjs-1' }]);
});

it('queues nothing of an experiment that no living worker computes, says so, and goes on when one comes', async () => {
  await stage.dispatcher();
  await stage.runners(async () => {}, { worker: tfjs });
  const id = await stage.create({ needs: f64 });
  await until(async () => (await stage.experiment(id)).paused !== null);
  expect((await stage.experiment(id)).paused).toMatch(
    /No living worker computes f64 fcn erf.*TESSERA_ENGINE/,
  );
  const { rows } = await stage.db.pool.query('SELECT 1 FROM tasks WHERE queued_at IS NOT NULL');
  expect(rows).toEqual([]);
  await stage.runners(async () => {}, { worker: native });
  expect(await stage.reaches(id, 'completed')).toMatchObject({ paused: null });
});

it('leaves a tile that would take long to a much faster worker, unless that one is busy', async () => {
  const id = await stage.create({ kernels: 1, tiles: 3, needs: f32 });
  await stage.db.pool.query(`UPDATE experiments SET state = 'running', tile_work = 1e9 WHERE id = $1`, [id]);
  await startKernels(stage.db, id, 1, 3);
  const [first, second] = await takeReady(stage.db, id, ['train'], 2);
  if (!first || !second) throw new Error('no tiles');
  const announce = (name: string, speed: number) =>
    announceWorker(stage.db, {
      id: name,
      role: 'worker',
      device: 'd',
      version: '0',
      slots: 1,
      speed,
      ...tfjs,
    });
  const claim = (name: string, job: typeof first) =>
    claimTask(stage.db, job, { id: name, role: 'worker', fingerprint: 'tfjs-1' }, 60_000);
  await announce('slow', 1e7);
  await announce('fast', 1e9);
  expect(await claim('slow', first)).toBeNull();
  const taken = await claim('fast', first);
  expect(taken).not.toBeNull();
  const own = await claim('slow', second);
  expect(own).not.toBeNull();
  if (own) await releaseTask(stage.db, own, { id: 'slow', role: 'worker', fingerprint: 'tfjs-1' });
});
