import type { ProblemDetails } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  await api.inject({
    method: 'PUT',
    url: '/v1/datasets/vectors',
    headers: { 'content-type': 'application/x-npz' },
    payload: await vectorsNpz(),
  });
});
afterAll(() => api?.close());

async function vectorsNpz(): Promise<Buffer> {
  const { zipSync } = await import('fflate');
  const { writeNpy } = await import('@tessera/store');
  return Buffer.from(
    zipSync({
      'x_train.npy': writeNpy(
        '<f8',
        [4, 5],
        new Uint8Array(Float64Array.from({ length: 20 }, (_, i) => i).buffer),
      ),
      'y_train.npy': writeNpy('<i4', [4], new Uint8Array(Int32Array.from([0, 1, 0, 1]).buffer)),
    }),
  );
}

const tables = ['experiments', 'kernels', 'tasks', 'idempotency_keys'];
async function rowCounts(): Promise<number[]> {
  return Promise.all(
    tables.map(
      async (table) =>
        (await api.db.pool.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n as number,
    ),
  );
}

/** A copy of the tiny spec with the value at a path replaced (undefined: left out). */
function specWith(path: string, value: unknown): Record<string, unknown> {
  const spec = structuredClone(tinySpec()) as unknown as Record<string, unknown>;
  const keys = path.split('/').slice(1);
  let at = spec;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = keys.at(-1) as string;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return spec;
}

const many = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('a bad spec', () => {
  it.each<[string, string, unknown, string?]>([
    ['an unknown field', '/colour', 'red'],
    ['an unknown nested field', '/grid/width', [1]],
    ['a missing name', '/name', undefined],
    ['a missing grid', '/grid', undefined],
    ['a number as a string', '/dataset/train', '256'],
    ['a wrong type', '/kernels', 'ntk'],
    ['a negative variance', '/grid/weightVariance', [-1], '/grid/weightVariance/0'],
    ['a negative depth', '/grid/depth', [-1], '/grid/depth/0'],
    ['a fractional depth', '/grid/depth', [0.5], '/grid/depth/0'],
    ['a depth beyond 10,000', '/grid/depth', [10_001], '/grid/depth/0'],
    ['an empty axis', '/grid/weightVariance', []],
    ['duplicates on an axis', '/grid/weightVariance', [1, 1], '/grid/weightVariance/1'],
    ['duplicate kernels', '/kernels', ['ntk', 'ntk'], '/kernels/1'],
    ['no kernels', '/kernels', []],
    ['from >= to', '/grid/weightVariance', { from: 2, to: 2, count: 3 }],
    ['train 0', '/dataset/train', 0],
    ['train beyond the data set', '/dataset/train', 13],
    ['test beyond the data set', '/dataset/test', 7],
    ['a range beyond the data set', '/dataset/train', { offset: 10, count: 3 }],
    ['an index beyond the data set', '/dataset/train', { indices: [1, 12] }, '/dataset/train/indices/1'],
    ['an even filter', '/architecture/filterSize', 4],
    ['tileSize 0', '/tileSize', 0],
    ['an unknown activation', '/architecture/activation', { name: 'step' }, '/architecture/activation/name'],
    [
      'a missing parameter',
      '/architecture/activation',
      { name: 'leaky-relu' },
      '/architecture/activation/alpha',
    ],
    ['an unknown data set', '/dataset/id', 'nowhere'],
    ['a path as data set', '/dataset/id', '../../etc/passwd'],
    ['a negative ridge', '/analysis/regression', { diagReg: [-1] }, '/analysis/regression/diagReg/0'],
    ['__proto__ as a key', '/constructor', { prototype: {} }],
  ])('with %s gets 400 with its pointer and changes nothing', async (_what, path, value, pointer = path) => {
    const before = await rowCounts();
    for (const url of ['/v1/experiments', '/v1/plans']) {
      const response = await api.post(url, specWith(path, value), { 'idempotency-key': 'bad' });
      expect(response.statusCode).toBe(400);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
      const problem = response.json() as ProblemDetails;
      expect(problem).toMatchObject({ code: 'invalid-spec', status: 400 });
      expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
      for (const error of problem.errors ?? []) expect(error.message).toMatch(/\S/);
    }
    expect(await rowCounts()).toEqual(before);
  });

  it('with __proto__ written in its JSON gets 400 with the pointer', async () => {
    const body = JSON.stringify(tinySpec()).replace('{', '{"__proto__":{"polluted":1},');
    const response = await api.post('/v1/experiments', body, { 'content-type': 'application/json' });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors).toMatchObject([{ pointer: '/__proto__' }]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('gets all of its problems at once, those of the data set too', async () => {
    const spec = { ...specWith('/dataset/train', 13), colour: 'red', tileSize: 0 };
    const { errors } = (await api.post('/v1/experiments', spec)).json();
    expect(errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/colour',
      '/dataset/train',
      '/tileSize',
    ]);
    const unknown = { ...specWith('/dataset/id', 'nowhere'), colour: 'red' };
    const told = (await api.post('/v1/experiments', unknown)).json().errors;
    expect(told.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/colour',
      '/dataset/id',
    ]);
    expect(told.find((error: { pointer: string }) => error.pointer === '/dataset/id').message).toMatch(
      /tiny/,
    );
  });

  it('gets the problems of a field beside others in the same object', async () => {
    const spec = {
      ...tinySpec(),
      dataset: { id: 'tiny', train: 13, test: 7, labels: 'hot' },
      architecture: { family: 'cnn-gap', activation: { name: 'leaky-relu' }, filterSize: 5, width: 3 },
    };
    const response = await api.post('/v1/experiments', spec);
    expect(response.statusCode).toBe(400);
    expect((response.json() as ProblemDetails).errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/architecture/activation/alpha',
      '/architecture/filterSize',
      '/architecture/width',
      '/dataset/labels',
      '/dataset/test',
      '/dataset/train',
    ]);
  });

  it('with a filter larger than the images gets its pointer', async () => {
    const spec = specWith('/architecture', {
      family: 'cnn-gap',
      activation: { name: 'relu' },
      filterSize: 5,
    });
    expect((await api.post('/v1/plans', spec)).json().errors).toMatchObject([
      { pointer: '/architecture/filterSize' },
    ]);
  });

  it('with a CNN on vectors gets its pointer', async () => {
    const spec = {
      ...specWith('/architecture', { family: 'cnn-gap', activation: { name: 'relu' } }),
      dataset: { id: 'vectors', train: 4 },
    };
    expect((await api.post('/v1/plans', spec)).json().errors).toMatchObject([
      { pointer: '/architecture/family' },
    ]);
  });

  it('with a plan above a limit gets the size and the limit', async () => {
    const axis = { from: 1, to: 2, count: 1000 };
    const response = await api.post(
      '/v1/plans',
      specWith('/grid', { weightVariance: axis, biasVariance: axis, depth: [1] }),
    );
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'plan-too-large' });
    expect(response.body).toMatch(/1,000,000/);
    expect(response.body).toMatch(/100,000/);
  });
});

describe('a bad body', () => {
  const send = (
    payload: string | Buffer,
    type: string | null = 'application/json',
    url = '/v1/experiments',
  ) => api.inject({ method: 'POST', url, payload, headers: type === null ? {} : { 'content-type': type } });

  it.each([
    ['broken JSON', '{"name": '],
    ['an empty body', ''],
    ['text after the JSON', '{} {}'],
    ['a number too large for a number', '{"name": 1e999, '],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['null', 'null'],
  ])('of %s gets 400 invalid-json', async (_what, body) => {
    const response = await send(body);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('invalid-json');
  });

  it.each([
    ['a list', '[]'],
    ['a string', '"spec"'],
    ['a number', '5'],
    ['true', 'true'],
  ])('that is %s gets 400 invalid-spec', async (_what, body) => {
    const response = await send(body);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('invalid-spec');
  });

  it('nested a hundred thousand levels deep gets 400', async () => {
    const deep = 100_000;
    const response = await send(`{"name": ${'['.repeat(deep)}${']'.repeat(deep)}}`);
    expect(response.statusCode).toBe(400);
  });

  it('with non-finite numbers gets 400', async () => {
    const body = JSON.stringify(tinySpec()).replace('[1,1.5]', '[1e999]');
    const response = await send(body);
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'invalid-spec',
      errors: [{ pointer: '/grid/weightVariance/0' }],
    });
  });

  it('over 1 MiB gets 413', async () => {
    const response = await send(`{"name": "${'x'.repeat(1_048_576)}"}`);
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ code: 'body-too-large', status: 413 });
  });

  it('just under 1 MiB is read', async () => {
    const response = await send(JSON.stringify({ ...tinySpec(), name: 'x'.repeat(1_000_000) }));
    expect(response.json()).toMatchObject({ status: 400, code: 'invalid-spec' });
  });

  it.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'nonsense',
    'application/zip',
  ])('of type %s gets 415', async (type) => {
    const response = await send('{}', type);
    expect(response.statusCode).toBe(415);
    expect(response.json().code).toBe('unsupported-media-type');
  });

  it('of JSON with a charset is read', async () => {
    expect(
      (await send(JSON.stringify(tinySpec()), 'application/json; charset=utf-8', '/v1/plans')).statusCode,
    ).toBe(200);
  });

  it('with a hundred problems lists them without falling over', async () => {
    const unknown = Object.fromEntries(many(100).map((i) => [`field${i}`, i]));
    const response = await send(JSON.stringify({ ...tinySpec(), ...unknown }));
    expect(response.statusCode).toBe(400);
    expect(response.json().errors.length).toBeGreaterThan(19);
  });
});

describe('POST /v1/theory', () => {
  it('answers rows in grid order, numbers or axes', async () => {
    const body = {
      activation: { name: 'erf' },
      weightVariance: [1, 2],
      biasVariance: { from: 0.1, to: 0.2, count: 2 },
    };
    const { items } = (await api.post('/v1/theory', body)).json();
    expect(items.map((row: Record<string, number>) => [row.weightVariance, row.biasVariance])).toEqual([
      [1, 0.1],
      [1, 0.2],
      [2, 0.1],
      [2, 0.2],
    ]);
    expect(Object.keys(items[0])).toEqual([
      'weightVariance',
      'biasVariance',
      'phase',
      'qStar',
      'cStar',
      'chi1',
      'chiC',
      'xi1',
      'xiStar',
      'xiC',
      'warnings',
    ]);
    for (const row of items) {
      if (row.chi1 >= 1) expect(row.xi1).toBeNull();
      if (row.chi1 <= 1) expect(row.xiStar).toBeNull();
    }
  });

  it('refuses a bad request with all of its problems', async () => {
    const response = await api.post('/v1/theory', {
      activation: { name: 'erf', alpha: 1 },
      weightVariance: -1,
    });
    expect(response.statusCode).toBe(400);
    expect(
      response
        .json()
        .errors.map((error: { pointer: string }) => error.pointer)
        .sort(),
    ).toEqual(['/activation/alpha', '/biasVariance', '/weightVariance']);
  });
});
