import { TesseraError } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import { diskProblem, type PlanCounts, planExperiment, planSummary, trainingAt } from '../src/index.js';
import { cifarCounts, heatmapSpec } from './experiment.js';

const MB = 1e6;

function refusal(run: () => unknown): TesseraError {
  try {
    run();
  } catch (error) {
    if (error instanceof TesseraError) return error;
    throw error;
  }
  throw new Error('the plan was accepted');
}

describe('the heatmap job', () => {
  const plan = planExperiment(heatmapSpec(), cifarCounts);

  it('is one tile of 256, 60 analyses and a few strips for each of 40 kernels', () => {
    expect(plan).toMatchObject({
      kernels: 40,
      tileSize: 256,
      blocks: 1,
      tilesPerKernel: 1,
      analysesPerKernel: 60,
    });
    expect(plan.totals.tiles).toBe(40);
    expect(plan.totals.analyses).toBe(2400);
    expect(plan.stripsPerKernel).toBeGreaterThan(1);
    expect(plan.stripsPerKernel).toBeLessThan(20);
  });

  it('stays under 2 GB at its peak and keeps less than 50 MB', () => {
    expect(plan.bytes.kept).toBeLessThan(50 * MB);
    expect(plan.bytes.kept).toBeGreaterThan(40 * 60 * 256 * 8);
    expect(plan.bytes.kept + plan.bytes.temporary).toBeLessThan(2000 * MB);
    expect(plan.bytes.temporary).toBe(plan.kernelsInFlight * plan.bytes.temporaryPerKernel);
  });

  it('costs between half a minute and five minutes of one core', () => {
    expect(plan.coreSeconds).toBeGreaterThan(30);
    expect(plan.coreSeconds).toBeLessThan(300);
  });

  it('computes a strip in blocks of at most 16 MiB', () => {
    expect(plan.stripBlockRows * 256 * 60 * 8).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(plan.stripBlockRows).toBeGreaterThanOrEqual(64);
  });

  it('is summarised for the REST answer with its spec', () => {
    const spec = heatmapSpec();
    expect(planSummary(plan, spec, { aggregatorBytes: 1e9, freeBytes: 1e12, promisedBytes: 0 })).toEqual({
      kernels: 40,
      trainings: 0,
      tiles: 40,
      analyses: 2400,
      strips: plan.totals.strips,
      tileSize: 256,
      bytes: { kept: plan.bytes.kept, temporary: plan.bytes.temporary, free: 1e12 },
      analysis: { mode: 'dense', bytes: plan.bytes.analysis, memory: 1e9 },
      coreSeconds: plan.coreSeconds,
      seconds: plan.seconds,
      warnings: [],
      spec,
    });
  });

  it('is the same plan every time', () => {
    expect(planExperiment(heatmapSpec(), cifarCounts)).toEqual(plan);
  });
});

describe('sizes', () => {
  it('cuts a CNN with global average pooling into small tiles', () => {
    const spec = heatmapSpec({
      architecture: { family: 'cnn-gap', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
      grid: { weightVariance: [1], biasVariance: [0.18], depth: [0, 5, 10] },
    });
    const plan = planExperiment(spec, { ...cifarCounts, train: 48, test: 0 });
    expect(plan.tileSize).toBeGreaterThanOrEqual(3);
    expect(plan.tileSize).toBeLessThanOrEqual(12);
    expect(plan.coreSeconds).toBeGreaterThan(10);
  });

  it('keeps automatic tiles under 64 MiB for any number of depths', () => {
    for (const count of [2, 30, 400, 10_000]) {
      const depth = { from: 0, to: count - 1, count };
      const spec = heatmapSpec({ grid: { weightVariance: [1], biasVariance: [0.1], depth } });
      const plan = planExperiment(spec, { ...cifarCounts, train: 2000, test: 0 });
      expect(plan.tileSize ** 2 * count * 16).toBeLessThanOrEqual(64 * 2 ** 20);
    }
  });

  it('takes the tile size of the spec, cut to the number of images', () => {
    const counts = { ...cifarCounts, train: 10 };
    expect(planExperiment(heatmapSpec({ tileSize: 3 }), counts)).toMatchObject({
      tileSize: 3,
      blocks: 4,
      tilesPerKernel: 10,
    });
    expect(planExperiment(heatmapSpec({ tileSize: 300 }), counts)).toMatchObject({
      tileSize: 10,
      tilesPerKernel: 1,
    });
  });

  it('plans no strips without test images', () => {
    const plan = planExperiment(heatmapSpec(), { ...cifarCounts, test: 0 });
    expect(plan).toMatchObject({ stripRows: 0, stripBlockRows: 0, stripsPerKernel: 0 });
    expect(plan.totals.strips).toBe(0);
  });

  it('plans one image of one input at depth 0', () => {
    const spec = heatmapSpec({
      kernels: ['nngp'],
      grid: { weightVariance: [0], biasVariance: [0], depth: [0] },
      analysis: { spectrum: 'none', regression: null, dynamics: null },
    });
    const plan = planExperiment(spec, { train: 1, test: 1, classes: 1, shape: { inputs: 1 } });
    expect(plan).toMatchObject({ tileSize: 1, tilesPerKernel: 1, analysesPerKernel: 1, stripsPerKernel: 1 });
    expect(plan.coreSeconds).toBeGreaterThan(0);
  });

  it('counts the kernels, their complements and variances, the mirrored triangle included, only where they are kept', () => {
    const kept = (kernels: 'none' | 'train' | 'all') =>
      planExperiment(heatmapSpec({ keep: { kernels, predictions: false } }), cifarCounts).bytes.kept;
    expect(kept('train') - kept('none')).toBe(40 * 60 * 8 * (2 * 256 * 256 + 256));
    expect(kept('all') - kept('train')).toBeGreaterThanOrEqual(40 * 10_000 * 256 * 60 * 8);
  });

  it('halves the bytes of kernels in f32', () => {
    const temporary = (precision: 'f32' | 'f64') =>
      planExperiment(heatmapSpec({ precision }), { ...cifarCounts, test: 0 }).bytes.temporaryPerKernel;
    const float64 = 60 * (257 + 256) * 8; // variances of the diagonal tile, eigenvalues
    expect((temporary('f32') - float64) * 2).toBe(temporary('f64') - float64);
  });

  it('plans a million tiles without listing them', () => {
    const counts: PlanCounts = { ...cifarCounts, train: 14_000, test: 0 };
    const spec = heatmapSpec({
      tileSize: 10,
      grid: { weightVariance: [1], biasVariance: [0.1], depth: [3] },
      keep: { kernels: 'train', predictions: false },
    });
    planExperiment(spec, counts);
    const start = performance.now();
    const plan = planExperiment(spec, counts);
    expect(performance.now() - start).toBeLessThan(500);
    expect(plan.totals.tiles).toBe(980_700);
    expect(Object.values(plan).filter(Array.isArray)).toEqual([]);
  });
});

describe('memory of an aggregator', () => {
  const GiB = 2 ** 30;
  const counts = { ...cifarCounts, train: 10_000, test: 0 };
  const analysis = (parts: Partial<ReturnType<typeof heatmapSpec>['analysis']>) =>
    heatmapSpec({
      grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [5] },
      kernels: ['ntk'],
      analysis: { spectrum: 'full', regression: null, dynamics: null, ...parts },
    });
  const matrices = (spec: ReturnType<typeof heatmapSpec>) =>
    planExperiment(spec, counts).bytes.analysis / (8 * counts.train ** 2);

  it('is a matrix and a little, and three for eigenvectors', () => {
    expect(matrices(analysis({}))).toBeCloseTo(1, 1);
    expect(matrices(analysis({ regression: { diagReg: [0] } }))).toBeCloseTo(1, 1);
    expect(matrices(analysis({ dynamics: { times: [1], learningRate: 'max' } }))).toBeCloseTo(3, 1);
  });

  it('decides whether the largest eigenvalues are computed in memory or out of core', () => {
    const spec = analysis({ spectrum: { top: 32 }, regression: { diagReg: [0] } });
    const mode = (aggregatorBytes: number) => planExperiment(spec, counts, { aggregatorBytes }).analysisMode;
    expect(mode(4 * GiB)).toBe('dense');
    expect(mode(GiB)).toBe('streamed');
    const none = analysis({ spectrum: 'none', regression: { diagReg: [0] } });
    expect(planExperiment(none, counts, { aggregatorBytes: GiB }).analysisMode).toBe('streamed');
    const { bytes } = planExperiment(spec, counts, { aggregatorBytes: GiB });
    expect(bytes.analysis).toBeLessThan(GiB / 4);
  });

  it('changes neither tiles nor strips', () => {
    const spec = analysis({ spectrum: { top: 32 } });
    const sizes = (aggregatorBytes: number | null) => {
      const { tileSize, stripRows, analysisBatch, bytes } = planExperiment(spec, counts, { aggregatorBytes });
      return { tileSize, stripRows, analysisBatch, kept: bytes.kept, temporary: bytes.temporary };
    };
    expect(sizes(GiB / 2)).toEqual(sizes(null));
  });

  it('refuses what fits neither way, with the images that would fit, and the spectrum that would', () => {
    const spec = analysis({ dynamics: { times: [1], learningRate: 'max' } });
    const error = refusal(() => planExperiment(spec, counts, { aggregatorBytes: GiB }));
    expect(error.code).toBe('plan-too-large');
    expect(error.message).toContain('one analysis of 10,000 images takes up to 2.4 GiB');
    expect(error.message).toContain('has 1 GiB (TESSERA_AGGREGATOR_MEMORY)');
    expect(error.message).toContain('analysis.spectrum {"top": 32} without analysis.dynamics');
    const most = Number(/up to ([0-9,]+) training images/.exec(error.message)?.[1]?.replaceAll(',', ''));
    expect(planExperiment(spec, { ...counts, train: most }, { aggregatorBytes: GiB }).analysisMode).toBe(
      'dense',
    );
    expect(() => planExperiment(spec, { ...counts, train: most + 1 }, { aggregatorBytes: GiB })).toThrow(
      TesseraError,
    );
    const top = analysis({ spectrum: { top: 32 } });
    expect(planExperiment(top, counts, { aggregatorBytes: GiB / 2 }).analysisMode).toBe('streamed');
  });

  it('refuses eigenvectors that LAPACK cannot count', () => {
    const spec = analysis({ dynamics: { times: [1], learningRate: 'max' } });
    expect(refusal(() => planExperiment(spec, { ...counts, train: 33_000 })).message).toContain(
      'eigenvectors are computed of at most 32,765 images; what fits: up to 32,765 training images',
    );
  });
});

describe('the disk', () => {
  const plan = planExperiment(heatmapSpec(), cifarCounts);
  const needed = plan.bytes.kept + plan.bytes.temporary;

  it('has room for what is kept and what is temporary, or the plan warns with both sizes', () => {
    expect(diskProblem(plan, needed)).toBeNull();
    expect(diskProblem(plan, null)).toBeNull();
    const problem = diskProblem(plan, 2 ** 20);
    expect(problem?.pointer).toBe('/keep');
    expect(problem?.message).toContain('1 MiB free');
    const { warnings } = planSummary(plan, heatmapSpec(), {
      aggregatorBytes: null,
      freeBytes: needed - 1,
      promisedBytes: 0,
    });
    expect(warnings).toEqual([expect.stringContaining('It would be refused: the experiment needs')]);
  });
});

describe('limits', () => {
  it('refuses a grid of too many kernels, with the size, the limit and the pointer', () => {
    const axis = { from: 0.1, to: 3, count: 1000 };
    const spec = heatmapSpec({ grid: { weightVariance: axis, biasVariance: axis, depth: [1] } });
    const error = refusal(() => planExperiment(spec, cifarCounts));
    expect(error.code).toBe('plan-too-large');
    expect(error.message).toContain('1,000,000 kernels');
    expect(error.message).toContain('the limit is 100,000');
    expect(error.problems).toContainEqual(expect.objectContaining({ pointer: '/grid' }));
  });

  it('refuses too many tiles', () => {
    const error = refusal(() =>
      planExperiment(heatmapSpec({ tileSize: 1 }), { ...cifarCounts, train: 50_000 }),
    );
    expect(error.problems).toContainEqual({
      pointer: '/tileSize',
      message: 'the plan has 50,001,000,000 train tiles; the limit is 10,000,000',
    });
  });

  it('refuses a tile that no worker can hold', () => {
    const error = refusal(() =>
      planExperiment(heatmapSpec({ tileSize: 20_000 }), { ...cifarCounts, train: 20_000 }),
    );
    expect(error.problems.map(({ pointer }) => pointer)).toContain('/tileSize');
    expect(error.message).toContain('357.6 GiB');
  });

  it('names every limit exceeded at once', () => {
    const error = refusal(() =>
      planExperiment(heatmapSpec(), cifarCounts, {
        limits: { kernels: 39, analyses: 100, keptBytes: 10 },
      }),
    );
    expect(error.problems.map(({ pointer }) => pointer)).toEqual(['/grid', '/grid', '/keep']);
  });

  it('accepts a plan of exactly the limit', () => {
    expect(
      planExperiment(heatmapSpec(), cifarCounts, { limits: { kernels: 40, tiles: 40, analyses: 2400 } })
        .kernels,
    ).toBe(40);
  });
});

describe('networks of finite width', () => {
  const training = {
    width: 512,
    steps: 100,
    batch: 'full' as const,
    seeds: 2,
    images: 128,
    testImages: 1000,
    depths: [4, 1],
    learningRate: { ofMax: 0.5 },
  };
  const spec = heatmapSpec({ training });
  const plan = planExperiment(spec, cifarCounts);

  it('are a task for each kernel, depth and seed, and change nothing of the kernels', () => {
    const without = planExperiment(heatmapSpec(), cifarCounts);
    expect(plan.totals).toEqual({ ...without.totals, trainings: 40 * 2 * 2 });
    expect([plan.tileSize, plan.stripRows, plan.analysisBatch]).toEqual([
      without.tileSize,
      without.stripRows,
      without.analysisBatch,
    ]);
    expect([0, 1, 2, 3].map((index) => trainingAt(plan, spec, index))).toEqual([
      { depthIndex: 4, depth: 4, seed: 0 },
      { depthIndex: 4, depth: 4, seed: 1 },
      { depthIndex: 1, depth: 1, seed: 0 },
      { depthIndex: 1, depth: 1, seed: 1 },
    ]);
    expect(() => trainingAt(plan, spec, 4)).toThrow(/no network 4/);
  });

  it('cost what their multiply-adds do, and keep their parameters while they are trained', () => {
    // Depth 1 and 4, two seeds each: 3072 x 512 and 512 x 10 numbers, and three layers of 512 x 512.
    const numbers = 2 * (2 * (3072 * 512 + 512 * 10 + 10) + 3 * 513 * 512);
    const without = planExperiment(heatmapSpec(), cifarCounts);
    expect(plan.bytes.temporaryPerKernel - without.bytes.temporaryPerKernel).toBe(4 * numbers);
    const twice = planExperiment(heatmapSpec({ training: { ...training, steps: 200 } }), cifarCounts);
    const steps = (twice.workSeconds.trainings ?? 0) - (plan.workSeconds.trainings ?? 0);
    expect(steps).toBeGreaterThan(0.5 * (plan.workSeconds.trainings ?? 0));
    expect(plan.coreSeconds).toBeGreaterThan(without.coreSeconds + steps);
  });

  it('are refused where a step of one holds more than a worker should', () => {
    const error = refusal(() =>
      planExperiment(heatmapSpec({ training: { ...training, width: 16_384 } }), cifarCounts),
    );
    expect(error.problems.map(({ pointer }) => pointer)).toEqual(['/training']);
    expect(error.message).toMatch(/one step of a network holds .* GiB .*; the limit is 1 GiB/);
  });
});
