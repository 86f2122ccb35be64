import type { Experiment } from '@tessera/spec';
import { parseNpy } from '@tessera/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, entry, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
let made: Experiment;
let classes: number[];
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  made = await createTiny(api);
  await setState(api, made.id, 'running');
  await finishKernel(api, made.id, 0);
  classes = ((await api.get(`/v1/experiments/${made.id}/labels`)).json() as { train: number[] }).train;
});
afterAll(() => api?.close());

const place = 'weightVariance=1&depthIndex=2';
const at = (query: string, name = 'ntk_train_train') =>
  `/v1/experiments/${made.id}/matrices/${name}.npy?${query}`;
async function block(query: string): Promise<{ shape: number[]; values: number[] }> {
  const response = await api.get(at(`${place}&${query}`));
  if (response.statusCode !== 200) throw new Error(response.body);
  const { shape, data } = parseNpy(response.rawPayload);
  return {
    shape,
    values: [...new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))],
  };
}

describe('GET /v1/experiments/{id}/matrices/{name}.npy', () => {
  it('gives a block entry by entry where the resolution allows it', async () => {
    const { shape, values } = await block('rows=2:5&columns=0:4');
    expect(shape).toEqual([3, 4]);
    expect(values).toEqual(
      [2, 3, 4].flatMap((row) => [0, 1, 2, 3].map((column) => entry(0, 2, row, column))),
    );
  });

  it('reduces by the mean of what a cell stands for, or by its middle entry', async () => {
    const mean = await block('rows=0:12&columns=0:12&height=3&width=2');
    expect(mean.shape).toEqual([3, 2]);
    const part = [0, 1, 2, 3].flatMap((row) => [0, 1, 2, 3, 4, 5].map((column) => entry(0, 2, row, column)));
    expect(mean.values[0]).toBeCloseTo(part.reduce((sum, value) => sum + value, 0) / part.length, 12);
    const nearest = await block('height=3&width=2&reduce=nearest');
    expect(nearest.values[0]).toBe(entry(0, 2, 2, 3));
  });

  it('sorts rows and columns by class, images of one class in file order', async () => {
    const order = [...classes.keys()].sort(
      (a, b) => (classes[a] as number) - (classes[b] as number) || a - b,
    );
    expect(new Set(classes).size).toBeGreaterThan(1);
    const { values } = await block('order=class&rows=1:3');
    expect(values.slice(0, 12)).toEqual(order.map((column) => entry(0, 2, order[1] as number, column)));
  });

  it('refuses what it has not, with what to write instead', async () => {
    const answers = await Promise.all(
      [
        at('depthIndex=2'),
        at(`${place}&rows=5:3`),
        at(`${place}&width=0`),
        at(`${place}&order=size`),
        at('weightVarianceIndex=1&depthIndex=0'),
        at(place, 'ntk_train_variance'),
        at(place, 'ntk_test_train'),
      ].map((url) => api.get(url)),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 400, 400, 400, 409, 404, 410]);
    expect(answers[0]?.json().errors[0].message).toContain('weightVariance is missing');
    expect(answers[1]?.json().errors[0].message).toContain('0 <= start < stop <= 12');
    expect(answers[5]?.json().detail).toContain('ntk_train_train');
  });
});
