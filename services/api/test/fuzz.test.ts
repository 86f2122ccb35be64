import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
});
afterAll(() => api?.close());

const runs = { numRuns: 150 };

/** A valid spec in which one value, at any depth, is replaced by random JSON. */
const mutatedSpec = fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat()).map(([value, pick]) => {
  const training = { width: 4, steps: 3, batch: 2, depths: [1], learningRate: { ofMax: 0.5 } };
  const spec = structuredClone({ ...tinySpec(), training }) as unknown as Record<string, unknown>;
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const collect = (holder: Record<string, unknown>) => {
    for (const [key, child] of Object.entries(holder)) {
      places.push({ holder, key });
      if (typeof child === 'object' && child !== null) collect(child as Record<string, unknown>);
    }
  };
  collect(spec);
  const place = places[pick % places.length];
  if (place) place.holder[place.key] = value;
  return spec;
});

describe('random input never gets a 5xx, and every refusal is a problem with a code', () => {
  const check = async (response: { statusCode: number; body: string; headers: Record<string, unknown> }) => {
    expect(response.statusCode, response.body).toBeLessThan(500);
    if (response.statusCode < 400) return;
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(response.body)).toMatchObject({
      code: expect.any(String),
      status: response.statusCode,
    });
  };

  it.each(['/v1/experiments', '/v1/plans', '/v1/theory'])('POST %s with any JSON', async (url) => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4, noUnicodeString: false }), async (payload) => {
        await check(
          await api.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } }),
        );
      }),
      runs,
    );
  });

  it('POST /v1/experiments with a spec that has one value changed', async () => {
    await fc.assert(
      fc.asyncProperty(mutatedSpec, async (spec) => {
        await check(await api.post('/v1/experiments', spec));
      }),
      runs,
    );
  });

  it('any bytes as a body of any type', async () => {
    const types = fc.constantFrom(
      'application/json',
      'application/zip',
      'text/plain',
      '',
      'application/json;charset=utf-16',
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), types, async (bytes, type) => {
        const headers = type === '' ? {} : { 'content-type': type };
        await check(
          await api.inject({ method: 'POST', url: '/v1/experiments', payload: Buffer.from(bytes), headers }),
        );
        await check(
          await api.inject({ method: 'PUT', url: '/v1/datasets/fuzz', payload: Buffer.from(bytes), headers }),
        );
      }),
      runs,
    );
  });

  it('any text as path and query', async () => {
    const { id } = (await api.post('/v1/experiments', tinySpec())).json();
    const paths = fc.constantFrom(
      '/v1/experiments',
      `/v1/experiments/${id}/analyses`,
      `/v1/experiments/${id}/arrays/kappa.npy`,
      '/v1/datasets',
    );
    const text = fc
      .string({ unit: 'binary', maxLength: 40 })
      .map((value) => encodeURIComponent(value.toWellFormed()));
    const names = fc.oneof(
      fc.constantFrom('limit', 'cursor', 'state', 'depth', 'kernel', 'depthIndex', 'weightVariance'),
      text,
    );
    await fc.assert(
      fc.asyncProperty(paths, names, text, text, async (path, name, value, segment) => {
        await check(await api.get(`${path}?${name}=${value}`));
        await check(await api.get(`/v1/experiments/${segment}`));
        await check(await api.get(`/v1/datasets/${segment}`));
        await check(await api.get(`/v1/experiments/${id}/arrays/${segment}.npy`));
      }),
      runs,
    );
  });
});
