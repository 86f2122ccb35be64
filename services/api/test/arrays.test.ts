import type { Experiment } from '@tessera/spec';
import { chunkKey, parseNpy } from '@tessera/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, entry, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
let made: Experiment;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  made = await createTiny(api);
  await setState(api, made.id, 'running');
  await finishKernel(api, made.id, 0);
});
afterAll(() => api?.close());

const at = (array: string, query = '', experiment = made) =>
  `${experiment.links.arrays}/${array}.npy${query && `?${query}`}`;
async function read(
  array: string,
  query = '',
): Promise<{ shape: number[]; dtype: string; values: Float64Array }> {
  const response = await api.get(at(array, query));
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${response.body}`);
  const { shape, dtype, data } = parseNpy(response.rawPayload);
  return {
    shape,
    dtype,
    values: new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
  };
}

describe('GET /v1/experiments/{id}/arrays', () => {
  it('lists every array that the experiment will hold', async () => {
    const list = (await api.get(made.links.arrays)).json() as { name: string }[];
    const byName = new Map(list.map((array) => [array.name, array]));
    expect(byName.get('ntk_train_train')).toEqual({
      name: 'ntk_train_train',
      dtype: '<f8',
      shape: [2, 1, 3, 12, 12],
      dimensions: ['weight_variance', 'bias_variance', 'depth', 'train', 'train_2'],
    });
    expect(byName.get('nngp_train_train_complement')).toMatchObject({ shape: [2, 1, 3, 12, 12] });
    expect(byName.get('ntk_train_variance')).toMatchObject({ dtype: '<f8', shape: [2, 1, 3, 12] });
    expect(byName.has('ntk_test_train')).toBe(false);
    expect(byName.has('kappa')).toBe(true);
    expect(byName.get('kernel')).toMatchObject({ dtype: '<U4', shape: [2] });
  });
});

describe('GET /v1/experiments/{id}/arrays/{name}.npy', () => {
  it('streams a ready slice with its length and ETag, while the experiment runs', async () => {
    const response = await api.get(at('ntk_train_train', 'weightVariance=1&biasVariance=0.18&depth=5'));
    expect(response.statusCode).toBe(200);
    expect(Number(response.headers['content-length'])).toBe(response.rawPayload.byteLength);
    expect(response.headers['content-type']).toBe('application/octet-stream');
    const { etag } = response.headers as { etag: string };
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    const again = await api.get(at('ntk_train_train', 'weightVariance=1&biasVarianceIndex=0&depthIndex=2'), {
      'if-none-match': etag,
    });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const { shape, values } = await read('ntk_train_train', 'weightVariance=1&biasVariance=0.18&depth=5');
    expect(shape).toEqual([12, 12]);
    expect(values[3 * 12 + 4]).toBe(entry(0, 2, 3, 4));
    expect(values[5 * 12 + 5]).toBe(entry(0, 2, 5, 5));
  });

  it('takes ranges of positions', async () => {
    const { shape, values } = await read(
      'ntk_train_train',
      'weightVarianceIndex=0&depth=1&train=2:5&train2=:2',
    );
    expect(shape).toEqual([1, 3, 2]);
    expect([...values]).toEqual([2, 3, 4].flatMap((row) => [0, 1].map((column) => entry(0, 1, row, column))));
    expect((await read('ntk_train_train', 'weightVarianceIndex=0&train=3:3')).shape).toEqual([1, 3, 0, 12]);
  });

  it('selects kernels, times and ridges of result arrays', async () => {
    expect((await read('kappa', 'weightVariance=1&kernel=nngp&biasVariance=0.18')).values).toEqual(
      Float64Array.of(3, 4, 5),
    );
    expect(
      (await read('train_accuracy', 'weightVariance=1&kernel=ntk&depth=0&biasVarianceIndex=0')).shape,
    ).toEqual([2]);
    expect(
      (await read('train_loss_ridge', 'weightVariance=1&kernel=ntk&depth=0&biasVarianceIndex=0&diagReg=0.1'))
        .shape,
    ).toEqual([]);
    expect((await read('ntk_eigenvalues', 'weightVariance=1&biasVariance=0.18&depth=0')).shape).toEqual([12]);
  });

  it('serves coordinates', async () => {
    expect((await read('weight_variance')).values).toEqual(Float64Array.of(1, 1.5));
    const kernel = parseNpy((await api.get(at('kernel'))).rawPayload);
    expect([kernel.dtype, kernel.shape]).toEqual(['<U4', [2]]);
    expect(kernel.data.toString('latin1').replaceAll('\0', '')).toBe('ntknngp');
  });

  it('answers 409 not-ready for what a kernel still lacks, and for a whole array until all are done', async () => {
    for (const query of ['weightVariance=1.5', '', 'weightVariance=0:2']) {
      const response = await api.get(at('ntk_train_train', query));
      expect([response.statusCode, response.json().code], query).toEqual([409, 'not-ready']);
    }
    expect((await api.get(at('kappa'))).json().detail).toMatch(/running/);
    const other = await createTiny(api);
    expect((await api.get(at('depth', '', other))).json().code).toBe('not-ready');
    await finishKernel(api, other.id, 0);
    await finishKernel(api, other.id, 1);
    const whole = await api.get(at('kappa', '', other));
    expect(parseNpy(whole.rawPayload).shape).toEqual([2, 2, 1, 3]);
  });

  it('answers 409 with the reason when the experiment failed before the part was done', async () => {
    const other = await createTiny(api);
    await finishKernel(api, other.id, 0);
    await setState(api, other.id, 'failed', 'engine-failed: it did.');
    const response = await api.get(at('kappa', '', other));
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ code: 'not-ready' });
    expect(response.json().detail).toMatch(/failed.*engine-failed/);
    expect((await api.get(at('kappa', 'weightVarianceIndex=0', other))).statusCode).toBe(200);
  });

  it('answers 410 for what the spec did not keep', async () => {
    const other = await createTiny(api, { keep: { kernels: 'none' } });
    for (const name of ['ntk_train_train', 'ntk_test_train', 'predictions', 'predictions_ridge']) {
      const response = await api.get(at(name, '', other));
      expect([response.statusCode, response.json().code], name).toEqual([410, 'not-kept']);
    }
  });

  it('answers 404 for other names', async () => {
    for (const name of ['nothing', 'kappa_ridge', 'zarr', '..%2f..%2fzarr', '%2e%2e']) {
      const response = await api.get(at(name));
      expect([response.statusCode, response.json().code], name).toEqual([404, 'not-found']);
    }
    expect((await api.get(`${made.links.arrays}/kappa`)).statusCode).toBe(404);
  });

  it.each([
    ['depth=2', '/depth', /0, 1, 5/],
    ['weightVariance=1.50001', '/weightVariance', /1, 1.5/],
    ['weightVariance=', '/weightVariance', /1, 1.5/],
    ['depthIndex=3', '/depthIndex', /0 to 2/],
    ['depthIndex=-1', '/depthIndex', /0 to 2/],
    ['depth=0&depthIndex=0', '/depthIndex', /one of them/],
    ['train=0:13', '/train', /12/],
    ['train=5:2', '/train', /start:stop/],
    ['test=0:1', '/test', /not a parameter/],
    ['kernel=ntk', '/kernel', /not a parameter/],
    ['depth=0&depth=1', '/depth', /2 times/],
    ['Depth=0', '/Depth', /not a parameter/],
  ])('answers 400 to ?%s and says what there is', async (query, pointer, message) => {
    const response = await api.get(at('ntk_train_train', query));
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] });
    expect(response.json().errors[0].message).toMatch(message);
  });

  it('tells every problem of a selection at once', async () => {
    const response = await api.get(at('ntk_train_train', 'depth=2&colour=red&train=0:99&weightVariance=x'));
    expect(response.statusCode).toBe(400);
    const pointers = (response.json().errors as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual(['/colour', '/depth', '/train', '/weightVariance']);
  });

  it('answers HEAD with the length', async () => {
    const url = at('ntk_train_train', 'weightVariance=1&depth=5');
    const response = await api.inject({ method: 'HEAD', url });
    expect([response.statusCode, response.body]).toEqual([200, '']);
    expect(response.headers['content-length']).toBe(String((await api.get(url)).rawPayload.byteLength));
  });

  it('answers 500 and not damaged numbers when stored bytes are wrong', async () => {
    const other = await createTiny(api);
    await finishKernel(api, other.id, 0);
    const key = chunkKey(other.id, 'kappa', [0, 0, 0, 0]);
    const bytes = Buffer.from(await api.store.get(key));
    bytes[3] = (bytes[3] as number) ^ 1;
    await api.store.put(key, bytes);
    const response = await api.get(at('kappa', 'weightVarianceIndex=0', other));
    expect(response.statusCode).toBe(500);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(Number(response.headers['content-length'])).toBe(response.rawPayload.byteLength);
  });
});
