import type { Precision } from '@tessera/spec';
import { type MeasuredEngine, probeTask } from './calibrate.js';

/** Long enough for a clock, short enough for a start. */
const enoughMs = 40;
const [fewestImages, mostImages] = [64, 4096];
const depth = 50;

/**
 * Pair-layers a second of one call of an engine, by the clock, in the first of its precisions: of a fully connected erf network, on a
 * tile doubled until it takes a while, because a card that has little to do says little.
 */
export async function measureSpeed(engine: MeasuredEngine, precision: Precision): Promise<number> {
  for (let images = fewestImages; ; images *= 2) {
    const task = probeTask(images, depth, precision);
    // The first run fetches, compiles and allocates.
    const ms = Math.min(await timeOf(engine, task), await timeOf(engine, task));
    if (ms >= enoughMs || images >= mostImages)
      return (images * images * depth) / (Math.max(ms, 0.01) / 1000);
  }
}

async function timeOf(engine: MeasuredEngine, task: ReturnType<typeof probeTask>): Promise<number> {
  const started = performance.now();
  await engine.computeTile(task);
  return performance.now() - started;
}
