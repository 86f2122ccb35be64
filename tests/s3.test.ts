/** The whole line on S3, through a network that fails now and then: POST to completed, archived, deleted, restored. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { openStore, type TileStore } from '@tessera/store';
import {
  canHaveS3,
  type HttpDoor,
  openHttpDoor,
  startStack,
  type TestStack,
  testBucket,
  testS3Url,
} from '@tessera/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { allArrays } from './compare.js';

const spec: ExperimentSpecInput = {
  name: 'on S3',
  dataset: { id: 'synthetic', train: 16, test: 10 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1.2], biasVariance: [0.1], depth: [0, 5] },
  kernels: ['ntk', 'nngp'],
  tileSize: 8,
  analysis: { regression: { diagReg: [0.01] }, dynamics: { times: [1, 64] } },
  keep: { kernels: 'all', predictions: true },
};

let stack: TestStack | null = null;
let door: HttpDoor | null = null;
afterAll(async () => {
  await stack?.stop();
  door?.close();
});

async function keysOf(store: TileStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

describe.skipIf(!canHaveS3())('an experiment on S3', () => {
  it('completes though requests fail, and comes back from its archive with the same bytes', async () => {
    door = await openHttpDoor(await testS3Url());
    const { env, location } = await testBucket(door.url);
    stack = await startStack({ workers: 1, env });
    const client = new TesseraClient(stack.url);
    // Every ninth request meets one of these.
    const faults = [
      { kind: 'status', status: 503 },
      { kind: 'lost-answer' },
      { kind: 'status', status: 500 },
      { kind: 'cut-body', after: 40 },
    ] as const;
    let met = 0;
    door.faults(({ index }) => (index % 9 === 8 ? (faults[met++ % faults.length] ?? null) : null));

    const { id } = await client.createExperiment(spec);
    expect(await client.waitFor(id)).toMatchObject({ state: 'completed', error: null });
    expect(met).toBeGreaterThan(8);
    const before = await allArrays(client, id);
    expect(before.size).toBeGreaterThan(15);
    expect(existsSync(join(stack.dataDir, 'experiments'))).toBe(false);

    const store = await openStore(location);
    expect(await keysOf(store, `experiments/${id}.tmp`)).toEqual([]);
    const folder = await mkdtemp(join(tmpdir(), 'tessera-s3-'));
    await client.saveArchive(id, join(folder, 'archive.tar'));
    await client.deleteExperiment(id);
    expect(await keysOf(store, 'experiments')).toEqual([]);
    expect(await client.restoreArchive(join(folder, 'archive.tar'))).toMatchObject({
      id,
      state: 'completed',
    });
    const after = await allArrays(client, id);
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, bytes] of after) expect(before.get(name)?.equals(bytes), name).toBe(true);
    await rm(folder, { recursive: true });
  }, 240_000);
});
