/** Walks the OpenAPI document, so that a route added later is covered by being there. */
import { createKey } from '@tessera/database';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

/** What a request without a key gets an answer from; all else is 401. */
const open = new Set([
  'GET /healthz',
  'GET /readyz',
  'GET /v1/session',
  'POST /v1/session',
  'DELETE /v1/session',
]);

interface Operation {
  method: string;
  path: string;
  operation: { requestBody?: { content: Record<string, unknown> }; responses: Record<string, object> };
}

let api: RunningApi;
let operations: Operation[];
/** Of the project whose things nobody else may see. */
let id: string;
const marker = 'of-alpha-only';
const headersOf: Record<string, Record<string, string>> = {};

beforeAll(async () => {
  api = await runApi({ settings: { auth: 'required' } });
  for (const [name, role, project] of [
    ['alpha', 'admin', 'alpha'],
    ['beta', 'admin', 'beta'],
    ['viewer', 'viewer', 'alpha'],
  ] as const) {
    const { key } = await createKey(api.db, { role, project, name: '', expiresAt: null });
    headersOf[name] = { authorization: `Bearer ${key}` };
  }
  const headers = headersOf.alpha as Record<string, string>;
  await uploadTiny(api, marker, undefined, { headers });
  const spec = tinySpec({ name: marker, dataset: { id: marker, train: 12, test: 6 } });
  const made = await api.post('/v1/experiments', spec, headers);
  expect(made.statusCode, made.body).toBe(202);
  id = made.json().id;
  const { paths } = (await api.get('/openapi.json')).json() as {
    paths: Record<string, Record<string, never>>;
  };
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  expect(operations.length).toBeGreaterThan(20);
});
afterAll(() => api?.close());

/** A request of an operation, its path filled with what the project alpha has. */
function send({ method, path, operation }: Operation, headers: Record<string, string>) {
  const url = path
    .replace(/^(\/v1\/experiments\/)\{\w+\}/, `$1${id}`)
    .replace(/^(\/v1\/datasets\/)\{\w+\}/, `$1${marker}`)
    .replace('/arrays/{name}', '/arrays/kappa')
    .replace(/\{\w+\}/g, 'nothing');
  const type = Object.keys(operation.requestBody?.content ?? {})[0];
  const body = type === undefined ? {} : { payload: Buffer.from('{}') };
  return api.inject({
    method: method as 'GET',
    url,
    headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
    ...body,
  });
}
it('the document promises no body where there is none', () => {
  for (const { operation, ...rest } of operations)
    for (const [status, response] of Object.entries(operation.responses))
      if (['204', '304'].includes(status))
        expect(response, title({ operation, ...rest })).not.toHaveProperty('content');
});

const title = ({ method, path }: Operation) => `${method} ${path}`;

it('no route but health and the session answers without a key', async () => {
  for (const operation of operations) {
    const response = await send(operation, {});
    if (open.has(title(operation))) expect(response.statusCode, title(operation)).not.toBe(403);
    else expect([title(operation), response.statusCode]).toEqual([title(operation), 401]);
    expect(response.body, title(operation)).not.toContain(marker);
  }
});

it('no route tells an admin of one project of what another has', async () => {
  for (const operation of operations) {
    const response = await send(operation, headersOf.beta as Record<string, string>);
    const what = `${title(operation)} ${response.body.slice(0, 200)}`;
    if (/^\/v1\/experiments\/\{/.test(operation.path)) expect(response.statusCode, what).toBe(404);
    else if (operation.path === '/v1/datasets/{name}' && operation.method !== 'PUT')
      expect(response.statusCode, what).toBe(404);
    else expect(response.body, what).not.toContain(id);
    if (response.statusCode !== 404 && operation.method === 'GET')
      expect(response.body, what).not.toContain(marker);
  }
  const kept = await api.get(`/v1/experiments/${id}`, headersOf.alpha as Record<string, string>);
  expect([kept.statusCode, kept.json().state]).toEqual([200, 'queued']);
});

it('no route lets a viewer change anything', async () => {
  const reads = ['POST /v1/plans', 'POST /v1/theory', 'POST /v1/session', 'DELETE /v1/session'];
  for (const operation of operations) {
    if (['GET', 'HEAD'].includes(operation.method) || reads.includes(title(operation))) continue;
    const response = await send(operation, headersOf.viewer as Record<string, string>);
    expect([title(operation), response.statusCode]).toEqual([title(operation), 403]);
  }
});

it('every answer has the headers that keep pages safe', async () => {
  for (const operation of operations) {
    const { headers } = await send(operation, {});
    expect(headers['content-security-policy'], title(operation)).toMatch(
      /script-src 'self';.*style-src 'self'/,
    );
    expect(headers['content-security-policy']).not.toMatch(/unsafe/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  }
});
