import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { receiveUpload, uploadPace } from '../src/upload.js';
import { createTiny, setState } from './finished-experiment.js';
import { type RunningApi, runApi, tinyNpz, tinySpec, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi({ maxUploadBytes: 100_000 });
});
afterAll(() => api?.close());

const put = (name: string, payload: Buffer | string, type = 'application/x-npz') =>
  api.inject({ method: 'PUT', url: `/v1/datasets/${name}`, headers: { 'content-type': type }, payload });
const remove = (name: string) => api.inject({ method: 'DELETE', url: `/v1/datasets/${name}` });
const leftovers = () => readdir(join(api.dataDir, 'uploads')).catch(() => []);

describe('PUT /v1/datasets/{name}', () => {
  it('answers 201, then 200 to the same bytes and 409 to others', async () => {
    const first = await put('images', tinyNpz());
    expect(first.statusCode).toBe(201);
    expect(first.headers.location).toBe('/v1/datasets/images');
    expect(first.json()).toMatchObject({
      id: 'images',
      name: 'images',
      source: 'npz',
      shape: { height: 4, width: 4, channels: 1 },
      classes: 3,
      trainCount: 12,
      testCount: 6,
      dtype: 'float64',
      synthetic: false,
    });
    const same = await put('images', tinyNpz());
    expect(same.statusCode).toBe(200);
    expect(same.json()).toEqual(first.json());
    const other = await put('images', tinyNpz(2));
    expect([other.statusCode, other.json().code]).toEqual([409, 'dataset-exists']);
    expect((await api.get('/v1/datasets/images')).json()).toEqual(first.json());
    expect(await leftovers()).toEqual([]);
  });

  it.each(['application/zip', 'application/octet-stream', 'application/x-npz'])('takes %s', async (type) => {
    expect((await put(`as-${type.split('/')[1]}`, tinyNpz(3), type)).statusCode).toBe(201);
  });

  it.each(['application/json', 'text/plain'])('answers 415 to %s', async (type) => {
    const response = await put('wrong-type', '{}', type);
    expect([response.statusCode, response.json().code]).toEqual([415, 'unsupported-media-type']);
  });

  it.each(['cifar10', 'synthetic'])('answers 409 for the reserved name %s, to DELETE too', async (name) => {
    for (const response of [await put(name, tinyNpz()), await remove(name)]) {
      expect([response.statusCode, response.json().code]).toEqual([409, 'dataset-reserved']);
    }
  });

  it.each(['..%2fescape', '.hidden', 'a%2fb', '%00', 'a'.repeat(65), 'blank%20name'])(
    'answers 400 for the name %s',
    async (name) => {
      const response = await put(name, tinyNpz());
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({ code: 'invalid-request', errors: [{ pointer: '/name' }] });
    },
  );

  it.each<[string, Buffer]>([
    ['no zip', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['a truncated zip', tinyNpz().subarray(0, 500)],
    ['a zip without arrays', Buffer.from(zipSync({ 'readme.txt': new Uint8Array(3) }))],
    [
      'an array that is no array',
      Buffer.from(zipSync({ 'x_train.npy': new Uint8Array(9), 'y_train.npy': new Uint8Array(9) })),
    ],
  ])('answers 400 to %s and keeps nothing', async (_what, bytes) => {
    const response = await put('broken', bytes);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('invalid-dataset');
    expect((await api.get('/v1/datasets/broken')).statusCode).toBe(404);
    expect(await leftovers()).toEqual([]);
  });

  it('answers 413 to more than the limit, said or sent', async () => {
    const large = Buffer.alloc(100_001);
    const said = await put('large', large);
    expect([said.statusCode, said.json().code]).toEqual([413, 'body-too-large']);
    const { Readable } = await import('node:stream');
    const sent = await api.inject({
      method: 'PUT',
      url: '/v1/datasets/large',
      headers: { 'content-type': 'application/zip' },
      payload: Readable.from([large.subarray(0, 60_000), large.subarray(0, 60_000)]),
    });
    expect(sent.statusCode).toBe(413);
    expect(await leftovers()).toEqual([]);
  });

  it('answers 413 over a socket to a client that is still sending', async () => {
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = api.app.server.address() as AddressInfo;
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/zip' };
      const upload = request({ port, method: 'PUT', path: '/v1/datasets/large', headers }, (response) => {
        response.resume();
        resolve(response.statusCode as number);
      });
      upload.on('error', reject);
      const piece = Buffer.alloc(50_000);
      const send = (left: number) => (left === 0 ? upload.end() : upload.write(piece, () => send(left - 1)));
      send(200);
    });
    expect(status).toBe(413);
    expect(await leftovers()).toEqual([]);
  });

  it('keeps nothing of an upload that stops half-way', async () => {
    const { port } = api.app.server.address() as AddressInfo;
    const headers = { 'content-type': 'application/zip', 'content-length': '90000' };
    const upload = request({ port, method: 'PUT', path: '/v1/datasets/half', headers });
    upload.on('error', () => {});
    await new Promise((resolve) => upload.write(Buffer.alloc(40_000), resolve));
    upload.destroy();
    await expect.poll(leftovers).toEqual([]);
    expect((await api.get('/v1/datasets/half')).statusCode).toBe(404);
  });

  it('keeps nothing of an upload that stops at any instant', async () => {
    const settings = { dataDir: api.dataDir, maxUploadBytes: 2 ** 20 };
    for (let ticks = 0; ticks < 40; ticks++) {
      const body = new PassThrough();
      body.write(Buffer.alloc(1000));
      const upload = receiveUpload(settings, body, undefined);
      for (let tick = 0; tick < ticks % 8; tick++) await setImmediate();
      body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
      await expect(upload).rejects.toMatchObject({ code: 'invalid-request' });
    }
    await sleep(50);
    expect(await leftovers()).toEqual([]);
  });

  it('gives up an upload of which nothing more comes', async () => {
    const body = new PassThrough();
    body.write(Buffer.alloc(1000));
    const settings = { dataDir: api.dataDir, cifar10Dir: null, maxUploadBytes: 2 ** 20 };
    await expect(
      receiveUpload(settings, body, undefined, { ...uploadPace, silenceMs: 50 }),
    ).rejects.toMatchObject({
      code: 'request-timeout',
      message: expect.stringMatching(/nothing for 0.05 s/),
    });
    expect(await leftovers()).toEqual([]);
  });

  it('takes many uploads at once, and waiting ones do not keep others out', async () => {
    const { port } = api.app.server.address() as AddressInfo;
    const headers = { 'content-type': 'application/zip', 'content-length': '90000' };
    const stuck = Array.from({ length: 5 }, (_, i) =>
      request({ port, method: 'PUT', path: `/v1/datasets/stuck-${i}`, headers }),
    );
    for (const upload of stuck) {
      upload.on('error', () => {});
      await new Promise((resolve) => upload.write(Buffer.alloc(1000), resolve));
    }
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => put(`beside-${i}`, tinyNpz(20 + i))),
    );
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(8).fill(201));
    for (const upload of stuck) upload.destroy();
    await expect.poll(leftovers).toEqual([]);
  });

  it('imports the same bytes again where the store has lost them', async () => {
    const { sha256 } = (await put('lost', tinyNpz(8))).json();
    await api.store.deletePrefix(`datasets/${sha256}`);
    const spec = tinySpec({ dataset: { id: 'lost', train: 12 } });
    expect((await api.post('/v1/plans', spec)).json().errors).toMatchObject([{ pointer: '/dataset/id' }]);
    expect((await put('lost', tinyNpz(8))).statusCode).toBe(200);
    expect((await api.post('/v1/plans', spec)).statusCode).toBe(200);
  });

  it('a spec is told when the store loses its images, before or while it is planned', async () => {
    const { sha256 } = (await put('goes', tinyNpz(9))).json();
    const spec = tinySpec({ dataset: { id: 'goes', train: 12 } });
    const told = { code: 'invalid-spec', errors: [{ pointer: '/dataset/id' }] };
    await api.store.delete(`datasets/${sha256}/train-images.bin`);
    expect((await api.post('/v1/experiments', spec)).json()).toMatchObject(told);
    await api.store.deletePrefix(`datasets/${sha256}`);
    expect((await api.post('/v1/experiments', spec)).json()).toMatchObject(told);
  });

  it('gives a name once to simultaneous uploads of different bytes', async () => {
    const answers = await Promise.all([
      put('race', tinyNpz(4)),
      put('race', tinyNpz(5)),
      put('race', tinyNpz(4)),
    ]);
    const codes = answers.map((answer) => answer.statusCode);
    expect(codes.filter((code) => code === 201)).toHaveLength(1);
    expect(codes.every((code) => [200, 201, 409].includes(code))).toBe(true);
  });
});

describe('GET /v1/datasets', () => {
  it('lists newest first in pages', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) await put(name, tinyNpz(6));
    const first = (await api.get('/v1/datasets?limit=2')).json();
    expect(first.items.map((item: { name: string }) => item.name)).toEqual(['list-c', 'list-b']);
    const second = (await api.get(`/v1/datasets?limit=1&cursor=${first.nextCursor}`)).json();
    expect(second.items.map((item: { name: string }) => item.name)).toEqual(['list-a']);
    expect((await api.get('/v1/datasets?state=queued')).statusCode).toBe(400);
  });

  it('answers 404 for a name that is not there', async () => {
    for (const name of ['nowhere', '%00', 'a'.repeat(100)]) {
      expect((await api.get(`/v1/datasets/${name}`)).statusCode).toBe(404);
      expect((await remove(name)).statusCode).toBe(404);
    }
  });
});

describe('DELETE /v1/datasets/{name}', () => {
  it('answers 409 while an experiment uses it', async () => {
    await uploadTiny(api);
    const { id, links } = await createTiny(api);
    const used = await remove('tiny');
    expect([used.statusCode, used.json().code]).toEqual([409, 'dataset-in-use']);
    await setState(api, id, 'completed');
    await api.inject({ method: 'DELETE', url: links.self });
    expect((await remove('tiny')).statusCode).toBe(204);
    expect((await api.post('/v1/experiments', tinySpec())).json().errors).toMatchObject([
      { pointer: '/dataset/id' },
    ]);
  });

  it('deletes the contents with their last name only', async () => {
    const { sha256 } = (await put('one', tinyNpz(7))).json();
    await put('two', tinyNpz(7));
    const contents = async () => (await api.store.listChildren('datasets')).includes(sha256);
    expect((await remove('one')).statusCode).toBe(204);
    expect(await contents()).toBe(true);
    expect((await remove('two')).statusCode).toBe(204);
    expect(await contents()).toBe(false);
    expect((await put('one', tinyNpz(7))).statusCode).toBe(201);
    expect((await api.post('/v1/plans', tinySpec({ dataset: { id: 'one', train: 12 } }))).statusCode).toBe(
      200,
    );
  });

  it('deletes many at once, more than the pool has connections', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `many-${i}`);
    for (const name of names) await put(name, tinyNpz(8));
    const answers = await Promise.all(names.map(remove));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(names.map(() => 204));
  });
});

describe('the reserved data sets', () => {
  it('are imported once by simultaneous requests', async () => {
    const spec = tinySpec({ dataset: { id: 'synthetic', train: 4 } });
    const answers = await Promise.all(Array.from({ length: 4 }, () => api.post('/v1/experiments', spec)));
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array(4).fill(202));
  });

  it('without a CIFAR-10 folder, cifar10 is an unknown name', async () => {
    const response = await api.post('/v1/experiments', tinySpec({ dataset: { id: 'cifar10', train: 4 } }));
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'invalid-spec', errors: [{ pointer: '/dataset/id' }] });
  });

  it('cifar10 comes from its folder on first use, gaps and all, and follows the folder at the next start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-cifar-'));
    const own = await runApi({ cifar10Dir: folder });
    try {
      const batch = Buffer.alloc(30_730_000);
      for (let i = 0; i < 10_000; i++) batch[i * 3073] = i % 10;
      await writeFile(join(folder, 'data_batch_2.bin'), batch);
      const spec = (train: unknown) =>
        tinySpec({ dataset: { id: 'cifar10', train: train as number, normalization: 'scale' } });
      const made = await own.post('/v1/experiments', spec({ offset: 10_000, count: 4 }));
      expect(made.statusCode).toBe(202);
      const first = (await own.get('/v1/datasets/cifar10')).json();
      expect(first).toMatchObject({ source: 'cifar10', synthetic: false, trainCount: 20_000, testCount: 0 });
      const missing = await own.post('/v1/experiments', spec(4));
      expect(missing.json()).toMatchObject({ code: 'invalid-spec', errors: [{ pointer: '/dataset/train' }] });
      await writeFile(join(folder, 'data_batch_1.bin'), batch);
      await own.app.importReserved();
      expect((await own.get('/v1/datasets/cifar10')).json().sha256).not.toBe(first.sha256);
      expect((await own.post('/v1/experiments', spec(4))).statusCode).toBe(202);
    } finally {
      await own.close();
      await rm(folder, { recursive: true });
    }
  });
});
