/** The rights that docs/storage.md lists are enough for all that is done on S3, each of them is needed, and no other is had. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { openStore, type TileStore } from '@tessera/store';
import { canGuardS3, type GuardedBucket, startGuardedS3, startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const page = await readFile(new URL('../docs/storage.md', import.meta.url), 'utf8');
const policy = /### Rights[\s\S]*?```json\n([\s\S]*?)```/.exec(page)?.[1] as string;
const actions = [...policy.matchAll(/"(s3:\w+)"/g)].map(([, action]) => action as string);
const without = (action: string) => {
  const { Statement, ...rest } = JSON.parse(policy);
  for (const one of Statement) one.Action = one.Action.filter((other: string) => other !== action);
  return JSON.stringify({ ...rest, Statement });
};

const spec: ExperimentSpecInput = {
  name: 'by rights',
  dataset: { id: 'synthetic', train: 16, test: 10 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1.2], biasVariance: [0.1], depth: [0, 5] },
  tileSize: 8,
  analysis: { regression: { diagReg: [0.01] } },
  keep: { kernels: 'all', predictions: true },
};

describe.skipIf(!canGuardS3())('a bucket that checks rights (needs moto of scripts/requirements.txt)', () => {
  let bucket: GuardedBucket;
  let stack: TestStack | null = null;
  beforeAll(async () => {
    bucket = await startGuardedS3();
  });
  afterAll(async () => {
    await stack?.stop();
    await bucket?.stop();
  });

  it('is not opened by who has none', async () => {
    await expect(openStore(bucket.location)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('lets a whole experiment through with the documented ones: computed, archived, deleted, restored', async () => {
    await bucket.allow(policy);
    stack = await startStack({ workers: 1, env: bucket.env });
    const client = new TesseraClient(stack.url);
    const { id } = await client.createExperiment(spec);
    expect(await client.waitFor(id)).toMatchObject({ state: 'completed', error: null });
    const folder = await mkdtemp(join(tmpdir(), 'tessera-rights-'));
    await client.saveArchive(id, join(folder, 'archive.tar'));
    await client.deleteExperiment(id);
    expect(await client.restoreArchive(join(folder, 'archive.tar'))).toMatchObject({ state: 'completed' });
    await rm(folder, { recursive: true });
  }, 120_000);

  it('refuses what they do not list', async () => {
    await bucket.allow(policy);
    const beside = await openStore({ ...bucket.location, prefix: 'another' });
    await expect(beside.put('key', Buffer.from('x'))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(beside.get('key')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(beside.delete('key')).rejects.toMatchObject({ code: 'unavailable' });
  });

  /** What needs an action, and nothing but it. */
  const needs: Record<string, (store: TileStore) => Promise<unknown>> = {
    's3:GetObject': (store) => store.get('key'),
    's3:PutObject': (store) => store.put('key', Buffer.from('x')),
    's3:DeleteObject': (store) => store.delete('key'),
    's3:AbortMultipartUpload': (store) => store.deleteAbandonedWrites(0),
    's3:ListBucket': (store) => store.listChildren(''),
    's3:ListBucketMultipartUploads': (store) => store.deleteAbandonedWrites(0),
  };

  it('needs each of them', async () => {
    expect(Object.keys(needs).sort()).toEqual([...actions].sort());
    await bucket.allow(without('s3:AbortMultipartUpload'));
    const store = await openStore(bucket.location);
    await store.put('key', Buffer.from('x'));
    // An upload that fails in its third part, and may not be ended.
    const breaks = async function* () {
      for (let part = 0; part < 2; part++) yield Buffer.alloc(17 * 2 ** 20);
      throw new Error('no more');
    };
    await expect(store.put('long', breaks())).rejects.toThrow('no more');
    for (const [action, use] of Object.entries(needs)) {
      await bucket.allow(without(action));
      await expect(use(store), `without ${action}`).rejects.toMatchObject({ code: 'unavailable' });
    }
    await bucket.allow(policy);
    await needs['s3:GetObject']?.(store);
    expect(await store.deleteAbandonedWrites(0)).toBe(1);
    expect(await store.listChildren('')).toContain('key');
    await store.delete('key');
  });
});
