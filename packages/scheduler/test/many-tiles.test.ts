import {
  cancelExperiment,
  makeMoreTiles,
  rowsAtOnce,
  startExperiment,
  startKernels,
} from '@tessera/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage, until } from './stage.js';

/** The whole at its real size, a million rows: `node scripts/measure-planning.mjs`. */
const tiles = 2 * rowsAtOnce + 1234;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open('postgres');
});
afterAll(() => stage?.close());

async function rowsOf(id: string) {
  const { rows } = await stage.db.pool.query<{ n: number; distinct: number; first: number; last: number }>(
    `SELECT count(*)::int AS n, count(DISTINCT index)::int AS distinct, min(id)::int AS first, max(id)::int AS last
     FROM tasks WHERE experiment_id = $1`,
    [id],
  );
  return rows[0] as { n: number; distinct: number; first: number; last: number };
}

describe('a kernel of many tiles', () => {
  it('stops in between when its experiment is cancelled, and knows when it has all rows', async () => {
    const id = await stage.create({ kernels: 2, tiles });
    await startExperiment(stage.db, id);
    expect(await makeMoreTiles(stage.db, id, tiles)).toBe(0);
    expect(await startKernels(stage.db, id, 1, tiles)).toBe(1);
    expect((await rowsOf(id)).n).toBe(rowsAtOnce);
    expect(await makeMoreTiles(stage.db, id, tiles)).toBe(rowsAtOnce);
    await cancelExperiment(stage.db, id);
    expect(await makeMoreTiles(stage.db, id, tiles)).toBe(0);
    await stage.db.pool.query(`UPDATE experiments SET state = 'running' WHERE id = $1`, [id]);
    expect(await makeMoreTiles(stage.db, id, tiles)).toBe(1234);
    expect(await makeMoreTiles(stage.db, id, tiles)).toBe(0);
    expect(await rowsOf(id)).toMatchObject({ n: tiles, distinct: tiles });
    await stage.db.pool.query('DELETE FROM experiments WHERE id = $1', [id]);
  });

  it('gets its rows in parts, between which other experiments start', async () => {
    const large = await stage.create({ kernels: 1, tiles });
    const small = await stage.create({ kernels: 1, tiles: 3 });
    const started = performance.now();
    await stage.dispatcher();
    await until(async () => (await rowsOf(large)).n === tiles);
    // A million take 25 times as long, and may take a minute.
    expect(performance.now() - started).toBeLessThan(60_000);
    const [many, few] = [await rowsOf(large), await rowsOf(small)];
    expect(many.distinct).toBe(tiles);
    expect(few.n).toBe(3);
    expect(few.last).toBeLessThan(many.last);
  });
});
