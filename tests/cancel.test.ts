/** A cancel stops what computes, however long that would still take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** One tile of a minute or more: 528 pairs of images x 2^20 pairs of pixels x 60 layers. */
const spec: ExperimentSpecInput = {
  name: 'one long tile',
  dataset: { id: 'synthetic', train: 32 },
  architecture: { family: 'cnn-gap', activation: { name: 'erf' }, padding: 'same' },
  grid: { weightVariance: [2], biasVariance: [0.1], depth: [60] },
  tileSize: 32,
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ workers: 1, readyTimeoutMs: 110_000 });
});
afterAll(() => stack?.stop());

it('is effective in the middle of a long tile', async () => {
  const client = new TesseraClient(stack.url);
  const { id } = await client.createExperiment(spec);
  while ((await client.getExperiment(id)).progress.tiles.running === 0) await sleep(50);
  await sleep(500);
  const asked = performance.now();
  await client.cancelExperiment(id);
  while ((await client.getExperiment(id)).state === 'cancelling') await sleep(20);
  const stoppedMs = performance.now() - asked;
  const { state, progress } = await client.getExperiment(id);
  expect(state).toBe('cancelled');
  expect(progress.tiles).toMatchObject({ done: 0, running: 0 });
  // A fraction of a second on an idle machine; a minute would be the tile's own end.
  expect(stoppedMs).toBeLessThan(10_000);
  console.log(`cancelled after ${Math.round(stoppedMs)} ms`);
});
