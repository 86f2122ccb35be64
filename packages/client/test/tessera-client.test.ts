import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraError } from '@tessera/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionError, TesseraClient } from '../src/index.js';
import { type AnsweringServer, answer, itemsOf, json } from './answering-server.js';

let server: AnsweringServer | null = null;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-client-'));
});
afterEach(async () => {
  await server?.close();
  server = null;
  await rm(folder, { recursive: true });
});
async function clientOf(...args: Parameters<typeof answer>): Promise<TesseraClient> {
  server = await answer(...args);
  return new TesseraClient(server.url);
}

describe('requests', () => {
  it('go to the route of each method', async () => {
    const client = await clientOf((_request, response) => json(response, { items: [], nextCursor: null }));
    const spec = { name: 'x' } as never;
    await client.createExperiment(spec);
    await client.planExperiment(spec);
    await client.listExperiments({ state: 'running', limit: 5, cursor: undefined });
    await client.getExperiment('a b');
    await client.cancelExperiment('1');
    await client.retryExperiment('1');
    await client.deleteExperiment('1');
    await client.listAnalyses('1', { kernel: 'ntk', depth: 0 });
    await client.listArrays('1');
    await client.openArray('1', 'kappa', { train: '0:256', depthIndex: 3 });
    await client.openAnalysesCsv('1');
    await client.listDatasets();
    await client.getDataset('cifar10');
    await client.deleteDataset('mine');
    await client.theory({ activation: { name: 'erf' }, weightVariance: 1, biasVariance: 0 });
    await client.ready();
    expect(server?.requests).toEqual([
      'POST /v1/experiments',
      'POST /v1/plans',
      'GET /v1/experiments?state=running&limit=5',
      'GET /v1/experiments/a%20b',
      'POST /v1/experiments/1/cancel',
      'POST /v1/experiments/1/retry',
      'DELETE /v1/experiments/1',
      'GET /v1/experiments/1/analyses?kernel=ntk&depth=0',
      'GET /v1/experiments/1/arrays',
      'GET /v1/experiments/1/arrays/kappa.npy?train=0%3A256&depthIndex=3',
      'GET /v1/experiments/1/analyses.csv',
      'GET /v1/datasets',
      'GET /v1/datasets/cifar10',
      'DELETE /v1/datasets/mine',
      'POST /v1/theory',
      'GET /readyz',
    ]);
  });

  it('carry the spec as JSON and the idempotency key', async () => {
    const client = await clientOf((request, response, body) =>
      json(response, {
        type: request.headers['content-type'],
        key: request.headers['idempotency-key'],
        body: `${body}`,
      }),
    );
    const spec = { name: 'σ_w' } as never;
    expect(await client.createExperiment(spec, { idempotencyKey: 'k1' })).toEqual({
      type: 'application/json',
      key: 'k1',
      body: '{"name":"σ_w"}',
    });
  });

  it('keep the path of a server behind a prefix', async () => {
    const inner = await clientOf((_request, response) => json(response, {}));
    await new TesseraClient(`${inner.url}/tessera/`).getExperiment('1');
    expect(server?.requests).toEqual(['GET /tessera/v1/experiments/1']);
  });
});

describe('lists', () => {
  it('are walked page by page to the end', async () => {
    const pages: Record<string, unknown> = {
      '/v1/experiments?state=failed': { items: [1, 2], nextCursor: 'a+b/c' },
      '/v1/experiments?state=failed&cursor=a%2Bb%2Fc': { items: [3], nextCursor: null },
    };
    const client = await clientOf((request, response) => json(response, pages[request.url as string]));
    expect(await itemsOf(client.experiments({ state: 'failed' }))).toEqual([1, 2, 3]);
  });

  it('fetch no page that nobody asked for', async () => {
    const client = await clientOf((_request, response) => json(response, { items: [1], nextCursor: 'more' }));
    for await (const _ of client.datasets()) break;
    expect(server?.requests).toHaveLength(1);
  });
});

describe('errors', () => {
  it('of the API have its code, its sentence and its problems', async () => {
    const errors = [{ pointer: '/name', message: 'name is required' }];
    const client = await clientOf((_request, response) =>
      json(response, { code: 'invalid-spec', status: 400, detail: 'The spec has a problem.', errors }, 400),
    );
    const error = await client.createExperiment({} as never).catch((caught) => caught);
    expect(error).toBeInstanceOf(TesseraError);
    expect(error).toMatchObject({
      code: 'invalid-spec',
      message: 'The spec has a problem.',
      problems: errors,
    });
  });

  it('of a server that is no Tessera are connection errors', async () => {
    const client = await clientOf((_request, response) => void response.writeHead(404).end('<h1>nginx</h1>'));
    await expect(client.getExperiment('1')).rejects.toThrow(ConnectionError);
    await expect(client.getExperiment('1')).rejects.toThrow(
      'answered 404 Not Found, not as a Tessera server does',
    );
    const page = await clientOf((_request, response) => void response.end('<h1>hello</h1>'));
    await expect(page.getExperiment('1')).rejects.toThrow(ConnectionError);
  });

  it('where nothing listens name the address', async () => {
    const client = await clientOf(() => {});
    await server?.close();
    const error = await client.ready().catch((caught) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(`No Tessera server answers at ${client.url} (nothing listens there).`);
  });

  it.each(['', 'localhost:7878', 'ftp://host', '7878'])('refuse the address %j', (url) => {
    expect(() => new TesseraClient(url)).toThrow('is not the address of a server');
  });
});

describe('files', () => {
  const bytes = Buffer.alloc(300_000, 'tessera');

  it('an array is streamed into its file, with its progress', async () => {
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    });
    const seen: (number | null)[] = [];
    const file = join(folder, 'kappa.npy');
    const onBytes = (done: number, total: number | null) => seen.push(done, total);
    expect(await client.saveArray('1', 'kappa', file, { onBytes })).toBe(bytes.length);
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(seen.slice(-2)).toEqual([bytes.length, bytes.length]);
  });

  it('a download that breaks off leaves no file', async () => {
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000), () => response.destroy());
    });
    await expect(client.saveArray('1', 'kappa', join(folder, 'kappa.npy'))).rejects.toThrow(ConnectionError);
    expect(await readdir(folder)).toEqual([]);
  });

  it('a data set is streamed from its file; created tells whether it was new', async () => {
    let status = 201;
    const client = await clientOf((_request, response, body) =>
      json(response, { bytes: body.length }, status),
    );
    const file = join(folder, 'set.npz');
    await writeFile(file, bytes);
    expect(await client.putDatasetFile('mine', file)).toEqual({
      dataset: { bytes: bytes.length },
      created: true,
    });
    status = 200;
    expect(await client.putDatasetFile('mine', file)).toMatchObject({ created: false });
    expect(server?.requests).toContain('PUT /v1/datasets/mine');
  });
});
