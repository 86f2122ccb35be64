/** What a worker relies on beside the numbers: cancelling, concurrency, overflow, memory. */
import { setTimeout } from 'node:timers/promises';
import type { Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import type { Engine, TileTask } from '../engine.js';
import { differing, fcn, kindOf, randomImages, taskOf } from './tiles.js';

const CANCEL_MS = 1000;

/** Tiles that take minutes in any engine. */
function longTasks(precision: Precision, imageCount: number): [string, TileTask][] {
  const vectors = randomImages(51, 2000, { inputs: 16 });
  const images = randomImages(52, imageCount, { height: 32, width: 32, channels: 3 });
  const deep = { precision, depths: [5000] };
  const pooling = { family: 'cnn-gap', activation: { name: 'erf' }, filterSize: 3, padding: 'same' } as const;
  return [
    ['fcn', taskOf(fcn({ name: 'gelu' }), vectors, null, deep)],
    ['cnn-gap', taskOf(pooling, images, null, { precision, depths: [100] })],
  ];
}

export function lifetimeTests(engine: Engine, longTileImages: number): void {
  const [precision] = engine.info.precisions as [Precision, ...Precision[]];
  describe('lifetime', () => {
    const supported = longTasks(precision, longTileImages).filter(
      ([, task]) => engine.supports(task.architecture) === null,
    );
    it.each(supported)('stops a long %s tile within a second of its abort', async (_family, task) => {
      const controller = new AbortController();
      const tile = engine.computeTile(task, controller.signal);
      const outcome = tile.then(
        () => 'finished',
        (error: unknown) => error,
      );
      await setTimeout(300);
      const aborted = performance.now();
      controller.abort();
      expect(await outcome).toMatchObject({ name: 'TesseraError', code: 'cancelled' });
      expect(performance.now() - aborted).toBeLessThan(CANCEL_MS);
    });

    it('refuses a tile whose signal has aborted already', async () => {
      const task = taskOf(fcn({ name: 'erf' }), randomImages(53, 4, { inputs: 5 }), null, { precision });
      await expect(engine.computeTile(task, AbortSignal.abort())).rejects.toMatchObject({
        code: 'cancelled',
      });
    });

    it('gives the same bits when two tiles are computed at once', async () => {
      const task = taskOf(fcn({ name: 'erf' }), randomImages(54, 60, { inputs: 40 }), null, {
        precision,
        depths: [10],
      });
      const alone = await engine.computeTile(task);
      const together = await Promise.all([engine.computeTile(task), engine.computeTile(task)]);
      for (const one of together) expect(differing(one, alone)).toEqual([]);
    });

    it('writes over a result it is given, with the bits of a fresh one, and refuses one that does not fit', async () => {
      const images = randomImages(56, 3, { height: 4, width: 4, channels: 2 });
      const pooling = {
        family: 'cnn-gap',
        activation: { name: 'erf' },
        filterSize: 3,
        padding: 'same',
      } as const;
      for (const architecture of [fcn({ name: 'relu' }), pooling]) {
        if (engine.supports(architecture) !== null) continue;
        const task = taskOf(architecture, images, null, { precision, depths: [1, 3] });
        const fresh = await engine.computeTile(task);
        const used = await engine.computeTile({ ...task, weightVariance: 9 });
        const again = await engine.computeTile(task, undefined, used);
        expect(again.ntk?.matrix).toBe(used.ntk?.matrix);
        expect(again.nngp?.complement).toBe(used.nngp?.complement);
        expect(differing(again, fresh)).toEqual([]);
        await expect(engine.computeTile({ ...task, depths: [1] }, undefined, used)).rejects.toThrow(
          'does not fit',
        );
      }
    });

    it('answers overflow with infinities or NaN and does not throw', async () => {
      const exploding = { weightVariance: 1e4, biasVariance: 1, depths: [100] };
      for (const precision of engine.info.precisions) {
        const task = taskOf(fcn({ name: 'relu' }), randomImages(55, 4, { inputs: 5 }), null, {
          ...exploding,
          precision,
        });
        const result = await engine.computeTile(task);
        for (const kernel of task.kernels) {
          expect(kindOf(result, kernel).matrix?.some((v) => Number.isFinite(v))).toBe(false);
        }
      }
    });

    it('does not grow over many tiles', async () => {
      const task = taskOf(fcn({ name: 'erf' }), randomImages(56, 48, { inputs: 32 }), null, { precision });
      const image = randomImages(57, 2, { height: 6, width: 6, channels: 2 });
      const cnn = {
        family: 'cnn-gap',
        activation: { name: 'relu' },
        filterSize: 3,
        padding: 'same',
      } as const;
      const some = async () => {
        for (let i = 0; i < 60; i++) {
          // Another key each time: a cache of blocks must be bounded too.
          await engine.computeTile({ ...task, rows: { ...task.rows, key: `memory ${performance.now()}` } });
          if (i % 4 === 0 && engine.supports(cnn) === null)
            await engine.computeTile(taskOf(cnn, image, null, { precision }));
        }
        return process.memoryUsage().rss;
      };
      await some();
      const before = await some();
      await some();
      expect((await some()) - before).toBeLessThan(48 * 2 ** 20);
    }, 60_000);
  });
}
