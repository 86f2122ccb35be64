import type { Experiment } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
});
afterAll(() => api?.close());

const countExperiments = async () =>
  (await api.db.pool.query('SELECT count(*)::int AS n FROM experiments')).rows[0].n as number;

describe('POST /v1/experiments', () => {
  it('answers 202 with Location, and the body that GET gives, its spec filled', async () => {
    const response = await api.post('/v1/experiments', tinySpec());
    expect(response.statusCode).toBe(202);
    const made = response.json() as Experiment;
    expect(made.id).toMatch(/^e[0-9a-z]{16}$/);
    expect(response.headers.location).toBe(`/v1/experiments/${made.id}`);
    expect(made).toMatchObject({
      name: 'tiny',
      state: 'queued',
      startedAt: null,
      finishedAt: null,
      error: null,
      progress: {
        tiles: { total: 2, done: 0, failed: 0, running: 0 },
        analyses: { total: 12, done: 0, failed: 0, running: 0 },
        strips: { total: 2 },
        secondsLeft: null,
      },
      spec: { precision: 'f64', numerics: 'pinned', keep: { kernels: 'train', predictions: false } },
    });
    expect((await api.get(made.links.self)).json()).toEqual(made);
    for (const link of [made.links.analyses, made.links.analysesCsv, made.links.arrays]) {
      expect((await api.get(link)).statusCode, link).toBe(200);
    }
  });

  it('takes the spec that GET returns', async () => {
    const { spec } = await createTiny(api);
    const again = await api.post('/v1/experiments', spec);
    expect(again.statusCode).toBe(202);
    expect((again.json() as Experiment).spec).toEqual(spec);
  });

  it('writes the experiment with its kernels and where its images come from', async () => {
    const { id } = await createTiny(api);
    const { rows } = await api.db.pool.query(
      'SELECT provenance, (SELECT count(*)::int FROM kernels WHERE experiment_id = e.id) AS kernels FROM experiments e WHERE id = $1',
      [id],
    );
    expect(rows[0]).toMatchObject({
      kernels: 2,
      provenance: {
        createdBy: { software: 'tessera', version: '0.0.0-test' },
        dataset: { name: 'tiny', synthetic: false, source: 'npz' },
        train: { count: 12, indices: { offset: 0, count: 12 } },
        test: { count: 6 },
      },
    });
  });

  it('marks the built-in images as synthetic, importing them on first use', async () => {
    const made = await createTiny(api, { dataset: { id: 'synthetic', train: 4 } });
    const { rows } = await api.db.pool.query('SELECT provenance FROM experiments WHERE id = $1', [made.id]);
    expect(rows[0].provenance.dataset).toMatchObject({ name: 'synthetic', synthetic: true });
    expect((await api.get('/v1/datasets/synthetic')).json()).toMatchObject({
      synthetic: true,
      source: 'synthetic',
    });
  });

  it('stores the drawn indices of a seeded selection in ascending order', async () => {
    const { id } = await createTiny(api, { dataset: { id: 'tiny', train: 6, test: 3, seed: 7 } });
    const { rows } = await api.db.pool.query('SELECT provenance FROM experiments WHERE id = $1', [id]);
    const { count, rule } = rows[0].provenance.train;
    expect({ count, rule }).toEqual({ count: 6, rule: { select: 6, seed: 7 } });
  });
});

describe('Idempotency-Key', () => {
  it('gives the same experiment for the same body and 422 for another', async () => {
    const headers = { 'idempotency-key': 'key-1' };
    const first = await api.post('/v1/experiments', tinySpec(), headers);
    const before = await countExperiments();
    const second = await api.post('/v1/experiments', tinySpec(), headers);
    expect(second.statusCode).toBe(202);
    expect(second.headers.location).toBe(first.headers.location);
    const other = await api.post('/v1/experiments', tinySpec({ name: 'other' }), headers);
    expect(other.statusCode).toBe(422);
    expect(other.json()).toMatchObject({ code: 'idempotency-mismatch', status: 422 });
    expect(await countExperiments()).toBe(before);
  });

  it('makes one experiment of many simultaneous requests', async () => {
    const before = await countExperiments();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        api.post('/v1/experiments', tinySpec(), { 'idempotency-key': 'key-2' }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.headers.location)).size).toBe(1);
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(8).fill(202));
    expect(await countExperiments()).toBe(before + 1);
  });

  it('refuses keys that are empty, too long or not ASCII', async () => {
    for (const key of ['', 'k'.repeat(256), 'a b']) {
      const response = await api.post('/v1/experiments', tinySpec(), { 'idempotency-key': key });
      expect(response.statusCode, JSON.stringify(key)).toBe(400);
      expect(response.json().code).toBe('invalid-request');
    }
  });
});

describe('GET /v1/experiments', () => {
  it('lists newest first in pages that cover all, each once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await createTiny(api, { name: `n${i}` })).id);
    const seen: string[] = [];
    let url = '/v1/experiments?limit=2';
    for (;;) {
      const page = (await api.get(url)).json();
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map((item: Experiment) => item.id));
      if (page.nextCursor === null) break;
      expect(encodeURIComponent(page.nextCursor)).toBe(page.nextCursor);
      url = `/v1/experiments?limit=2&cursor=${page.nextCursor}`;
    }
    expect(seen.slice(0, 5)).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe(await countExperiments());
  });

  it('has no next cursor when the last page is exactly full', async () => {
    const total = await countExperiments();
    expect((await api.get(`/v1/experiments?limit=${total}`)).json().nextCursor).toBeNull();
  });

  it('filters by state', async () => {
    const { id } = await createTiny(api);
    await setState(api, id, 'completed');
    const page = (await api.get('/v1/experiments?state=completed')).json();
    expect(page.items.map((item: Experiment) => item.state)).toEqual(['completed']);
    expect((await api.get('/v1/experiments?state=failed')).json()).toEqual({ items: [], nextCursor: null });
  });

  it.each([
    ['limit=0', '/limit'],
    ['limit=1001', '/limit'],
    ['limit=1.5', '/limit'],
    ['limit=', '/limit'],
    ['limit=ten', '/limit'],
    ['cursor=', '/cursor'],
    ['cursor=nonsense', '/cursor'],
    ['cursor=bnVsbA', '/cursor'],
    [`cursor=${Buffer.from('["datasets","1"]').toString('base64url')}`, '/cursor'],
    [`cursor=${Buffer.from('["experiments","99999999999999999999"]').toString('base64url')}`, '/cursor'],
    ['state=done', '/state'],
    ['state=queued&state=running', '/state'],
    ['unknown=1', '/unknown'],
    ['__proto__=1', '/__proto__'],
    ['constructor=1', '/constructor'],
  ])('answers 400 to ?%s and names the parameter', async (query, pointer) => {
    const response = await api.get(`/v1/experiments?${query}`);
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json()).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] });
  });

  it('reports every bad parameter at once', async () => {
    const { errors } = (await api.get('/v1/experiments?limit=0&state=x&what=1')).json();
    expect(errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/limit',
      '/state',
      '/what',
    ]);
  });
});

describe('GET /v1/experiments/{id}', () => {
  it('answers 304 to its own ETag until something changes', async () => {
    const { id, links } = await createTiny(api);
    const { etag } = (await api.get(links.self)).headers as { etag: string };
    const same = await api.get(links.self, { 'if-none-match': etag });
    expect(same.statusCode).toBe(304);
    expect(same.body).toBe('');
    await setState(api, id, 'running');
    expect((await api.get(links.self, { 'if-none-match': etag })).statusCode).toBe(200);
  });

  it('estimates the seconds left from the share done', async () => {
    const { id, links } = await createTiny(api);
    await setState(api, id, 'running');
    expect((await api.get(links.self)).json().progress.secondsLeft).toBeNull();
    await api.db.pool.query(
      'UPDATE experiments SET tiles_done = 1, analyses_done = 6, strips_done = 1 WHERE id = $1',
      [id],
    );
    const left = (await api.get(links.self)).json().progress.secondsLeft;
    expect(left).toBeGreaterThan(8);
    expect(left).toBeLessThan(13);
    await setState(api, id, 'completed');
    expect((await api.get(links.self)).json().progress.secondsLeft).toBe(0);
  });

  it('tells the code and the message of a failure', async () => {
    const { id, links } = await createTiny(api);
    await setState(api, id, 'failed', 'linalg-failed: potrf stopped at pivot 3.');
    expect((await api.get(links.self)).json().error).toEqual({
      code: 'linalg-failed',
      message: 'potrf stopped at pivot 3.',
    });
  });

  it.each(['nothing', '..%2f..%2fetc', '%00', 'a'.repeat(200), '%F0%9F%92%A9'])(
    'answers 404 to the id %s',
    async (id) => {
      const response = await api.get(`/v1/experiments/${id}`);
      expect(response.statusCode).toBe(404);
      expect(response.json().code).toBe('not-found');
    },
  );
});

describe('cancel, retry, delete', () => {
  it('cancels what is queued or running, retries what failed or was cancelled, and answers 409 elsewhere', async () => {
    const { id, links } = await createTiny(api);
    const act = async (verb: string) => {
      const response = await api.post(`${links.self}/${verb}`);
      return [response.statusCode, response.json().state ?? response.json().code];
    };
    expect(await act('retry')).toEqual([409, 'illegal-state']);
    expect(await act('cancel')).toEqual([202, 'cancelling']);
    expect(await act('cancel')).toEqual([409, 'illegal-state']);
    await setState(api, id, 'cancelled');
    expect(await act('retry')).toEqual([202, 'queued']);
    await setState(api, id, 'running');
    expect(await act('cancel')).toEqual([202, 'cancelling']);
    await setState(api, id, 'completed');
    expect(await act('cancel')).toEqual([409, 'illegal-state']);
    expect(await act('retry')).toEqual([409, 'illegal-state']);
    expect((await api.post('/v1/experiments/nothing/cancel')).statusCode).toBe(404);
  });

  it('deletes only what has ended, with its files', async () => {
    const { id, links } = await createTiny(api);
    const remove = () => api.inject({ method: 'DELETE', url: links.self });
    expect((await remove()).statusCode).toBe(409);
    await finishKernel(api, id, 0);
    await setState(api, id, 'completed');
    expect(await api.store.listChildren('experiments')).toContain(`${id}.zarr`);
    const deleted = await remove();
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    expect((await api.get(links.self)).statusCode).toBe(404);
    expect((await remove()).statusCode).toBe(404);
    expect((await api.store.listChildren('experiments')).filter((name) => name.startsWith(id))).toEqual([]);
  });
});

it('asks for workers that train networks only where there are networks', async () => {
  const needsOf = async (spec: object) => {
    const { id } = (await api.post('/v1/experiments', spec)).json();
    const { rows } = await api.db.pool.query('SELECT needs FROM experiments WHERE id = $1', [id]);
    return rows[0].needs;
  };
  const plain = await needsOf(tinySpec());
  expect(await needsOf({ ...tinySpec(), training: { width: 4, steps: 1 } })).toBe(`${plain} training`);
});

describe('POST /v1/plans', () => {
  it('answers the plan alone and creates nothing', async () => {
    const before = await countExperiments();
    const response = await api.post('/v1/plans', tinySpec());
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      kernels: 2,
      tiles: 2,
      analyses: 12,
      strips: 2,
      spec: { name: 'tiny' },
    });
    expect(Object.keys(response.json())).toEqual([
      'kernels',
      'tiles',
      'analyses',
      'strips',
      'trainings',
      'tileSize',
      'bytes',
      'analysis',
      'coreSeconds',
      'seconds',
      'warnings',
      'spec',
    ]);
    expect(await countExperiments()).toBe(before);
  });
});
