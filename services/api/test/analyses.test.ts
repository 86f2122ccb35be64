import type { AnalysisRow, Experiment } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, finishKernel } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
let made: Experiment;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  made = await createTiny(api);
  await finishKernel(api, made.id, 0);
  await finishKernel(api, made.id, 1);
});
afterAll(() => api?.close());

describe('GET /v1/experiments/{id}/analyses', () => {
  it('has no rows before they are complete', async () => {
    const { links } = await createTiny(api);
    expect((await api.get(links.analyses)).json()).toEqual({ items: [], nextCursor: null });
  });

  it('gives rows in grid order over pages: kernel, weightVariance, biasVariance, depth', async () => {
    const rows: AnalysisRow[] = [];
    for (let cursor = ''; ; ) {
      const page = (await api.get(`${made.links.analyses}?limit=5${cursor}`)).json();
      rows.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    const expected = ['ntk', 'nngp'].flatMap((kernel) =>
      [1, 1.5].flatMap((weight) => [0, 1, 5].map((depth) => [kernel, weight, 0.18, depth])),
    );
    expect(rows.map((row) => [row.kernel, row.weightVariance, row.biasVariance, row.depth])).toEqual(
      expected,
    );
    expect(Object.keys(rows[0] as AnalysisRow)).toEqual([
      'kernel',
      'weightVariance',
      'biasVariance',
      'depth',
      'phase',
      'qStar',
      'cStar',
      'chi1',
      'xi1',
      'xiStar',
      'lambdaMax',
      'lambdaMin',
      'lambdaBulk',
      'kappa',
      'conditionNumber',
      'maxLearningRate',
      'trace',
      'regression',
      'dynamics',
      'meanPredictorNorm',
      'status',
      'warnings',
    ]);
    expect(rows[0]?.regression.map((score) => score.diagReg)).toEqual([0, 0.1]);
    expect(rows[0]?.dynamics.map((score) => score.time)).toEqual([1, 64]);
  });

  it('filters by kernel, variances and depth, exactly', async () => {
    const rows = async (query: string) =>
      (await api.get(`${made.links.analyses}?${query}`)).json().items as AnalysisRow[];
    expect(await rows('kernel=nngp&weightVariance=1.5&biasVariance=0.18&depth=5')).toHaveLength(1);
    expect(await rows('weightVariance=1.50')).toHaveLength(6);
    expect(await rows('weightVariance=1.51')).toEqual([]);
    expect(await rows('depth=1&kernel=ntk')).toHaveLength(2);
  });

  it('filters by every double, and reads it back', async () => {
    const { id, links } = await createTiny(api);
    const variances = [0.1 + 0.2, 5e-324, 1.2345678901234567e20, Number.MAX_VALUE];
    await api.db.pool.query(
      `INSERT INTO analyses (experiment_id, ordinal, kernel, weight_variance, bias_variance, depth, kernel_index, complete,
         phase, regression, dynamics, status, warnings)
       SELECT $1, 100 + i, 'ntk', v, v, 1, 0, true, 'ordered', '[]', '[]', 'ok', '[]'
       FROM unnest($2::float8[]) WITH ORDINALITY AS r(v, i)`,
      [id, variances],
    );
    for (const value of variances) {
      const query = `weightVariance=${value}&biasVariance=${value}&depth=1&kernel=ntk`.replaceAll('+', '%2B');
      const { items } = (await api.get(`${links.analyses}?${query}&limit=1`)).json();
      expect(items.map((row: AnalysisRow) => row.weightVariance)).toEqual([value]);
      const csv = (await api.get(`${links.analysesCsv}?${query}`)).body.trimEnd().split('\n');
      expect(csv.map((line) => line.split(',')[1])).toEqual(['weightVariance', String(value)]);
    }
  });

  it.each([
    'kernel=rbf',
    'weightVariance=big',
    'weightVariance=Infinity',
    'biasVariance=',
    'depth=-1',
    'depth=1.5',
    'depth=1e3',
    'depth=99999999999',
    'limit=0',
    'cursor=x',
    'phase=ordered',
  ])('answers 400 to ?%s', async (query) => {
    const response = await api.get(`${made.links.analyses}?${query}`);
    expect(response.statusCode).toBe(400);
    expect(response.json().errors).toMatchObject([{ pointer: `/${query.split('=')[0]}` }]);
  });
});

describe('GET /v1/experiments/{id}/analyses.csv', () => {
  it('has a header, a column for each score, and quotes what needs it', async () => {
    const response = await api.get(made.links.analysesCsv);
    expect(response.headers['content-type']).toMatch(/^text\/csv/);
    const lines = response.body.trimEnd().split('\n');
    expect(lines).toHaveLength(13);
    const header = lines[0]?.split(',') as string[];
    expect(header.slice(0, 5)).toEqual(['kernel', 'weightVariance', 'biasVariance', 'depth', 'phase']);
    expect(header).toContain('trainLoss[diagReg=0.1]');
    expect(header).toContain('testAccuracy[time=64]');
    expect(header.slice(-3)).toEqual(['meanPredictorNorm', 'status', 'warnings']);
    const row = lines[1]?.split(',') as string[];
    expect(row).toHaveLength(header.length);
    expect(row[header.indexOf('xiStar')]).toBe('');
    expect(row[header.indexOf('maxLearningRate')]).toBe(String(1 / 6));
    expect(row[header.indexOf('trainLoss[time=64]')]).toBe('0.64');
    expect(lines[3]).toMatch(/,"xiStar does not exist, it is ""null""; second"$/);
  });

  it('takes the filters of the list', async () => {
    const response = await api.get(`${made.links.analysesCsv}?kernel=ntk&depth=0`);
    expect(response.body.trimEnd().split('\n')).toHaveLength(3);
    expect((await api.get(`${made.links.analysesCsv}?limit=3`)).statusCode).toBe(400);
  });

  it('reads more rows than one query gives', async () => {
    const { id, links } = await createTiny(api);
    await api.db.pool.query(
      `INSERT INTO analyses (experiment_id, ordinal, kernel, weight_variance, bias_variance, depth, kernel_index, complete,
         phase, regression, dynamics, status, warnings)
       SELECT $1, i, 'ntk', 1, 0.18, i, 0, true, 'ordered', '[]', '[]', 'ok', '[]' FROM generate_series(0, 2500) AS i`,
      [id],
    );
    const lines = (await api.get(links.analysesCsv)).body.trimEnd().split('\n');
    expect(lines).toHaveLength(2502);
    expect(lines.at(-1)).toMatch(/^ntk,1,0.18,2500,/);
  });

  it('answers HEAD with the header alone', async () => {
    const response = await api.inject({ method: 'HEAD', url: made.links.analysesCsv });
    expect([response.statusCode, response.body]).toEqual([200, '']);
  });
});
