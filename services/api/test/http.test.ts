import { Validator } from '@seriousme/openapi-schema-validator';
import { errorRegistry } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
});
afterAll(() => api?.close());

describe('OpenAPI', () => {
  it('is a valid document of version 3.1 that has every route', async () => {
    const response = await api.get('/openapi.json');
    expect(response.statusCode).toBe(200);
    const document = response.json();
    expect(document.openapi).toMatch(/^3\.1\./);
    const { valid, errors } = await new Validator().validate(document);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/cluster',
      '/v1/datasets',
      '/v1/datasets/{name}',
      '/v1/experiments',
      '/v1/experiments/{id}',
      '/v1/experiments/{id}/analyses',
      '/v1/experiments/{id}/analyses.csv',
      '/v1/experiments/{id}/archive',
      '/v1/experiments/{id}/arrays',
      '/v1/experiments/{id}/arrays/{name}.npy',
      '/v1/experiments/{id}/cancel',
      '/v1/experiments/{id}/events',
      '/v1/experiments/{id}/history',
      '/v1/experiments/{id}/labels',
      '/v1/experiments/{id}/matrices/{name}.npy',
      '/v1/experiments/{id}/provenance',
      '/v1/experiments/{id}/retry',
      '/v1/experiments/{id}/tiles',
      '/v1/experiments/{id}/tiles/{kernel}/{tile}',
      '/v1/experiments/{id}/trainings',
      '/v1/experiments/{id}/trainings.csv',
      '/v1/gc',
      '/v1/keys',
      '/v1/keys/{id}',
      '/v1/plans',
      '/v1/projects',
      '/v1/projects/{project}',
      '/v1/restore',
      '/v1/session',
      '/v1/theory',
    ]);
  });

  it('refers only to schemas it has, and describes the bodies', async () => {
    const document = (await api.get('/openapi.json')).json();
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty([name as string]);
    }
    expect([...text.matchAll(/"\$ref":"(?!#\/components\/)/g)]).toEqual([]);
    const body = document.paths['/v1/experiments'].post.requestBody.content['application/json'].schema;
    expect(body).toEqual({ $ref: '#/components/schemas/ExperimentSpec' });
    expect(document.components.schemas.ExperimentSpec.required).toEqual([
      'name',
      'dataset',
      'architecture',
      'grid',
    ]);
    const upload = document.paths['/v1/datasets/{name}'].put.requestBody.content;
    expect(Object.keys(upload)).toEqual(['application/zip', 'application/octet-stream', 'application/x-npz']);
  });

  it('has a page that asks nothing of other hosts', async () => {
    const page = await api.get('/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.body).not.toMatch(/https?:\/\//);
    const scripts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, url]) => new URL(url as string, 'http://host/docs/').pathname,
    );
    expect(scripts.length).toBeGreaterThan(2);
    for (const path of scripts) expect((await api.get(path)).statusCode, path).toBe(200);
    expect(page.headers['content-security-policy']).toMatch(/default-src 'self'/);
    // Plain http within a network has no https to go up to.
    expect(page.headers['content-security-policy']).not.toMatch(/https|upgrade|swagger/);
    expect((await api.get('/docs')).statusCode).toBeLessThan(400);
  });
});

describe('health', () => {
  it('answers healthz and readyz', async () => {
    for (const url of ['/healthz', '/readyz']) {
      const response = await api.get(url);
      expect([response.statusCode, response.json().status], url).toEqual([200, 'ok']);
    }
  });

  it('answers readyz 503 and names what does not answer, or does not answer in time', async () => {
    const { ping } = api.queue;
    for (const broken of [async () => Promise.reject(new Error('gone')), () => new Promise<void>(() => {})]) {
      api.queue.ping = broken;
      const response = await api.get('/readyz');
      expect(response.statusCode).toBe(503);
      expect(response.json()).toMatchObject({ code: 'unavailable' });
      expect(response.json().detail).toMatch(/queue/);
      expect(response.headers['retry-after']).toBeDefined();
    }
    api.queue.ping = ping;
    expect((await api.get('/readyz')).statusCode).toBe(200);
  });

  it('answers readyz 503 and healthz 200 while stopping', async () => {
    api.app.readiness.isStopping = true;
    expect((await api.get('/readyz')).statusCode).toBe(503);
    expect((await api.get('/healthz')).statusCode).toBe(200);
    api.app.readiness.isStopping = false;
  });

  it('gives metrics in the text format', async () => {
    const response = await api.get('/metrics');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toMatch(/^text\/plain/);
    expect(response.body).toMatch(/^# HELP /m);
    expect(response.body).toContain('tessera_ready{part="queue"} 1');
    expect(response.body).toMatch(/^tessera_database_bytes [1-9]/m);
    expect(response.body).toMatch(/^tessera_database_connections\{state="active"\} [1-9]/m);
    expect(response.body).toMatch(/^tessera_database_transactions_total\{outcome="committed"\} [1-9]/m);
    expect(response.body).toMatch(/^tessera_database_rows\{table="experiments",state="live"\} /m);
  });
});

describe('what is not there', () => {
  it.each(['/v1', '/v1/experiment', '/v1/experiments/', '/v2/experiments', '/favicon.ico'])(
    'GET %s is 404',
    async (url) => {
      const response = await api.get(url);
      expect(response.statusCode).toBe(404);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(response.json()).toMatchObject({
        code: 'not-found',
        status: 404,
        title: errorRegistry['not-found'].title,
      });
    },
  );

  it.each([
    ['PUT', '/v1/experiments', 'GET, HEAD, OPTIONS, POST'],
    ['DELETE', '/v1/plans', 'OPTIONS, POST'],
    ['POST', '/v1/datasets', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/v1/experiments/x', 'DELETE, GET, HEAD, OPTIONS'],
    ['POST', '/v1/experiments/x/arrays/kappa.npy', 'GET, HEAD, OPTIONS'],
    ['GET', '/v1/theory', 'OPTIONS, POST'],
  ])('%s %s is 405 and tells what is allowed', async (method, url, allow) => {
    const response = await api.inject({ method: method as 'PUT', url });
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toBe(allow);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('answers OPTIONS with what is allowed', async () => {
    const response = await api.inject({ method: 'OPTIONS', url: '/v1/experiments' });
    expect([response.statusCode, response.headers.allow, response.body]).toEqual([
      204,
      'GET, HEAD, OPTIONS, POST',
      '',
    ]);
  });

  it('answers HEAD as GET, without a body', async () => {
    const { links } = await createTiny(api);
    for (const url of ['/v1/experiments', '/v1/datasets/tiny', '/healthz', links.self, links.arrays]) {
      const response = await api.inject({ method: 'HEAD', url });
      expect([response.statusCode, response.body], url).toEqual([200, '']);
    }
    expect((await api.inject({ method: 'HEAD', url: '/v1/experiments/nothing' })).statusCode).toBe(404);
  });

  it('answers 404 for a path that is longer than any', async () => {
    const response = await api.get(`/v1/experiments/${'a'.repeat(300)}`);
    expect([response.statusCode, response.json().code]).toEqual([404, 'not-found']);
  });

  it.each(['/v1/experiments/%', '/v1/experiments/%E0%A4%A', '/%'])(
    'answers 400 or 404 to the malformed path %s',
    async (url) => {
      const response = await api.get(url);
      expect([400, 404]).toContain(response.statusCode);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    },
  );

  it('answers bytes that are no HTTP with problem details', async () => {
    const { connect } = await import('node:net');
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = api.app.server.address() as { port: number };
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let received = '';
      socket.on('data', (bytes) => {
        received += bytes.toString();
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/application\/problem\+json/);
  });
});

describe('errors of ours', () => {
  it('answers 503 when Postgres cannot be reached, and 500 tells nothing', async () => {
    const query = api.db.pool.query;
    try {
      api.db.pool.query = (() =>
        Promise.reject(Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }))) as typeof query;
      const response = await api.get('/v1/experiments/x/arrays');
      expect([404, 503]).toContain(response.statusCode);
      const { links } = { links: { self: '/readyz' } };
      expect((await api.get(links.self)).statusCode).toBe(503);
    } finally {
      api.db.pool.query = query;
    }
  });
});
