import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  builtInCosts,
  type CostTable,
  calibrate,
  costsOf,
  crewOf,
  isRates,
  type Measured,
  type PlannedNetwork,
  planExperiment,
  type Rates,
  trainingRatesOf,
  trainingStepNs,
} from '../src/index.js';
import { cifarCounts, heatmapSpec } from './experiment.js';
import { measuredSteps } from './measured-steps.js';

/** Takes a millisecond of CPU. */
async function busy(): Promise<void> {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

const machine = { host: 'one', hostCores: 4, threads: 2, memoryBytes: null };

/** Rates that say what the built-in table says, times `factor`. */
function ratesOf(factor: number, costs: CostTable = builtInCosts): Rates {
  const both = (form: 'fcn' | 'cnn', name: 'erf' | 'relu') => {
    const filter = (precision: 'f64' | 'f32') => (form === 'fcn' ? 0 : 3 * costs.filter[precision]);
    const { f64, f32 } = costs.layer[form][name];
    return { f64: factor * (f64 + filter('f64')), f32: factor * (f32 + filter('f32')) };
  };
  const layer = (form: 'fcn' | 'cnn') => ({ erf: both(form, 'erf'), relu: both(form, 'relu') });
  return {
    version: 2,
    ...machine,
    engine: {
      layer: { fcn: layer('fcn'), cnn: layer('cnn') },
      gramMultiplyAdd: factor * costs.gramMultiplyAdd,
    },
    linalg: {
      gemmMultiplyAdd: factor * costs.gemmMultiplyAdd,
      eigenvectors: factor * (costs.eigenvectors.cube + costs.eigenvectors.square / 384),
      eigenvalues: factor * (costs.eigenvalues.cube + costs.eigenvalues.square / 384),
      cholesky: factor * costs.cholesky,
      streamedEntry: factor * costs.streamedEntry,
    },
    store: {
      writeByte: factor * costs.writeByte,
      durableByte: factor * costs.durableByte,
      readByte: factor * costs.readByte,
    },
  };
}

describe('costs of measured rates', () => {
  it('are the built-in table where nothing was measured, or exactly that', () => {
    expect(costsOf([])).toEqual(builtInCosts);
    const { layer, eigenvectors } = costsOf([ratesOf(1)]);
    for (const name of ['erf', 'gelu', 'relu', 'tanh'] as const) {
      expect(layer.cnn[name].f32).toBeCloseTo(builtInCosts.layer.cnn[name].f32, 9);
    }
    expect(eigenvectors.square).toBeCloseTo(builtInCosts.eigenvectors.square, 9);
  });

  it('scale the activations that were not measured with the one that stands for them', () => {
    const { layer, filter, readByte } = costsOf([ratesOf(3)]);
    expect(layer.fcn.gelu.f64).toBeCloseTo(3 * builtInCosts.layer.fcn.gelu.f64, 9);
    expect(layer.cnn.abs.f32).toBeCloseTo(3 * builtInCosts.layer.cnn.abs.f32, 9);
    expect(filter.f64).toBeCloseTo(3 * builtInCosts.filter.f64, 9);
    expect(readByte).toBeCloseTo(3 * builtInCosts.readByte, 9);
  });

  it('are medians over the processes that measured a part', () => {
    const slow = { ...ratesOf(100), linalg: null };
    const { layer, cholesky } = costsOf([ratesOf(1), slow, ratesOf(4), ratesOf(2), slow]);
    expect(layer.fcn.erf.f64).toBeCloseTo(4 * builtInCosts.layer.fcn.erf.f64, 9);
    expect(cholesky).toBeCloseTo(2 * builtInCosts.cholesky, 9);
  });

  describe('of networks that were trained', () => {
    const observed = measuredSteps.map(({ family, width, depth, batch, of, ms }) => {
      const shape = 'inputs' in of ? of : { height: of.side, width: of.side, channels: 3 };
      const network: PlannedNetwork = {
        architecture: { family, filterSize: 3 },
        shape,
        outputs: 10,
        width,
        depth,
      };
      return { network, batch, ns: 1e6 * ms, builtInStepNs: trainingStepNs(network, batch) };
    });

    it.each([1, 4])(
      'tell the steps of others within a factor of two, on a machine %s times as slow',
      (slow) => {
        for (const { ns, builtInStepNs } of observed) {
          const training = trainingRatesOf([{ stepNs: slow * ns, builtInStepNs, startNs: 1e9 }]);
          const costs = costsOf([{ ...ratesOf(1), training }]);
          expect(costs.trainStart).toBe(1e9);
          for (const other of observed) {
            const ratio = trainingStepNs(other.network, other.batch, costs) / (slow * other.ns);
            expect(ratio).toBeGreaterThan(1 / 2);
            expect(ratio).toBeLessThan(2);
          }
        }
      },
    );

    it('are medians over networks, and nothing where there are none', () => {
      const one = (factor: number) => ({ stepNs: factor, builtInStepNs: 1, startNs: 10 * factor });
      expect(trainingRatesOf([one(3), one(100), one(2)])).toEqual({ step: 3, start: 30 });
      expect(trainingRatesOf([])).toBeNull();
      const spec = heatmapSpec({
        training: {
          width: 64,
          steps: 100,
          batch: 'full',
          seeds: 1,
          images: null,
          testImages: null,
          depths: null,
          learningRate: { ofMax: 0.5 },
        },
      });
      const trainings = (rates: Rates[]) =>
        planExperiment(spec, cifarCounts, { costs: costsOf(rates) }).workSeconds.trainings as number;
      const built = trainings([]);
      const training = { step: 2, start: 2 * builtInCosts.trainStart };
      expect(trainings([ratesOf(1), { ...ratesOf(1), training: null }])).toBe(built);
      expect(trainings([ratesOf(1), { ...ratesOf(1), training }])).toBeCloseTo(2 * built, 6);
    });
  });

  it('change the estimates of a plan and nothing else of it', () => {
    const { coreSeconds, workSeconds, seconds, ...sizes } = planExperiment(heatmapSpec(), cifarCounts);
    const {
      coreSeconds: slowSeconds,
      workSeconds: slowWork,
      seconds: slowByClock,
      ...slowSizes
    } = planExperiment(heatmapSpec(), cifarCounts, { costs: costsOf([ratesOf(10)]) });
    expect(slowSizes).toEqual(sizes);
    expect(slowSeconds).toBeGreaterThan(5 * coreSeconds);
    expect(slowWork.tiles).toBeGreaterThan(5 * workSeconds.tiles);
    expect(slowByClock).toBeGreaterThan(5 * seconds);
  });
});

describe('seconds by the clock', () => {
  const on = (workerCores: number, aggregatorCores: number, cores: number) =>
    planExperiment(heatmapSpec(), cifarCounts, { crew: { workerCores, aggregatorCores, cores } });

  it('share the cores of one machine between the roles, many kernels keeping all of them busy', () => {
    const { coreSeconds, seconds } = on(2, 2, 2);
    expect(seconds).toBeGreaterThan(coreSeconds / 2);
    expect(seconds).toBeLessThan(0.6 * coreSeconds + 1);
  });

  it('end with the slower role where each has its machines', () => {
    const { workSeconds, seconds } = on(100, 1, 101);
    expect(seconds).toBeGreaterThan(workSeconds.analyses);
  });

  it('count the waves of one kernel after one another', () => {
    const grid = { weightVariance: [1], biasVariance: [0.1], depth: [1000] };
    const plan = planExperiment(heatmapSpec({ grid }), cifarCounts, {
      crew: { workerCores: 2, aggregatorCores: 2, cores: 4 },
    });
    const { tiles, analyses, strips } = plan.workSeconds;
    expect(plan.seconds).toBeGreaterThan((tiles + strips) / 2 + analyses / 2);
  });

  it('are near what a run took whose matrices lie in no cache', () => {
    const spec = heatmapSpec({
      grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [2, 5, 10, 20, 40] },
      kernels: ['ntk'],
      dataset: { ...heatmapSpec().dataset, train: 10_000, test: 0 },
      analysis: { spectrum: 'full', regression: { diagReg: [0.001] }, dynamics: null },
    });
    const crew = { workerCores: 2, aggregatorCores: 2, cores: 2 };
    const { seconds } = planExperiment(spec, { ...cifarCounts, train: 10_000, test: 0 }, { crew });
    // docs/performance.md, "Scale on one machine".
    expect(seconds / 348).toBeGreaterThan(0.75);
    expect(seconds / 348).toBeLessThan(1.25);
  });

  it('count the cores of a host once, whatever its processes may use', () => {
    const rates = ratesOf(1);
    const worker = { role: 'worker', rates: { ...rates, threads: 1 } };
    const aggregator = { role: 'aggregator', rates: { ...rates, threads: 4 } };
    const there = { role: 'worker', rates: { ...rates, host: 'two', hostCores: 8, threads: 6 } };
    expect(crewOf([worker, worker, aggregator, there], 2)).toEqual({
      workerCores: 8,
      aggregatorCores: 4,
      cores: 10,
    });
    expect(crewOf([], 2)).toEqual({ workerCores: 2, aggregatorCores: 2, cores: 2 });
  });
});

describe('calibration', () => {
  it('measures what a process has, in under a second, and leaves nothing behind', async () => {
    const stored = new Set<string>();
    const tasks: number[] = [];
    const measured: Measured = {
      engine: {
        async computeTile({ rows, cols, depths }) {
          tasks.push(depths[0] as number);
          expect(rows.data).toHaveLength((cols?.data ?? rows.data).length);
          expect(rows.bytes.pixels).toHaveLength(rows.data.length);
          await busy();
        },
      },
      linalg: {
        eigh: busy,
        eigenbasis: busy,
        symv: busy,
        cholesky: busy,
        gemm: busy,
      },
      store: {
        put: async (key) => void stored.add(key),
        get: () => sleep(1),
        delete: async (key) => void stored.delete(key),
      },
    };
    const started = performance.now();
    const rates = await calibrate(measured, machine);
    // Under a second alone; tests run beside others.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(isRates(JSON.parse(JSON.stringify(rates)))).toBe(true);
    expect(stored.size).toBe(0);
    expect(new Set(tasks)).toEqual(new Set([0, 1, 4, 24]));
    expect(rates.engine?.layer.fcn.erf.f64).toBeGreaterThan(0);
    expect(rates.linalg?.cholesky).toBeGreaterThan(0);
    expect(planExperiment(heatmapSpec(), cifarCounts, { costs: costsOf([rates]) }).seconds).toBeGreaterThan(
      0,
    );
  });

  it('says null of what a process has not', async () => {
    const rates = await calibrate({ engine: null, linalg: null, store: null }, machine);
    expect(rates).toMatchObject({ engine: null, linalg: null, store: null, host: 'one', threads: 2 });
  });
});
