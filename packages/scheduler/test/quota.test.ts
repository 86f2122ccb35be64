import { setTimeout as sleep } from 'node:timers/promises';
import { createKey, nameDataset, setProjectLimits } from '@tessera/database';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from './stage.js';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('postgres');
});
afterAll(() => stage?.close());

it('a project never has more tiles and strips in work than its limit, nor keeps another from its own', async () => {
  const { db } = stage;
  await createKey(db, { role: 'viewer', project: 'small', name: '', expiresAt: null });
  await nameDataset(db, {
    name: 'images',
    project: 'small',
    sha256: 'abc',
    uploadSha256: null,
    manifest: {},
  });
  await setProjectLimits(db, 'small', { runningTiles: 1, storedBytes: null, experiments: null });
  const [limited, free] = [await stage.create({ kernels: 2 }), await stage.create({ kernels: 2 })];
  await db.pool.query(`UPDATE experiments SET project = 'small' WHERE id = $1`, [limited]);
  const inWork = { [limited]: 0, [free]: 0 };
  const most = { [limited]: 0, [free]: 0 };
  await stage.runners(
    async ({ experimentId, wave }) => {
      if (wave !== 'train' && wave !== 'strip') return;
      const now = (inWork[experimentId] as number) + 1;
      inWork[experimentId] = now;
      most[experimentId] = Math.max(most[experimentId] as number, now);
      await sleep(40);
      inWork[experimentId] = (inWork[experimentId] as number) - 1;
    },
    { slots: 4 },
  );
  await stage.dispatcher();
  for (const id of [limited, free]) await stage.reaches(id, 'completed', 120_000);
  expect(most[limited]).toBe(1);
  expect(most[free]).toBeGreaterThan(1);
});
