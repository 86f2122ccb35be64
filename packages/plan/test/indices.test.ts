import type { ExperimentSpec } from '@tessera/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  analysesAt,
  diagonalTiles,
  kernelAt,
  type Plan,
  planExperiment,
  stripAt,
  tileAt,
  tileIndex,
} from '../src/index.js';
import { cifarCounts, heatmapSpec } from './experiment.js';

interface Case {
  spec: ExperimentSpec;
  plan: Plan;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    train: fc.integer({ min: 1, max: 150 }),
    test: fc.integer({ min: 0, max: 500 }),
    tileSize: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 1, max: 200 })),
    family: fc.constantFrom('fcn' as const, 'cnn-flatten' as const, 'cnn-gap' as const),
    side: fc.integer({ min: 1, max: 32 }),
    depth: fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 40 }),
    weightCount: fc.integer({ min: 2, max: 7 }),
    biasVariance: fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
    kernels: fc.constantFrom<ExperimentSpec['kernels']>(['ntk'], ['nngp'], ['ntk', 'nngp'], ['nngp', 'ntk']),
    keep: fc.constantFrom('none' as const, 'train' as const, 'all' as const),
    predictions: fc.boolean(),
  })
  .map(
    ({
      train,
      test,
      tileSize,
      family,
      side,
      depth,
      weightCount,
      biasVariance,
      kernels,
      keep,
      predictions,
    }) => {
      const spec = heatmapSpec({
        architecture: { family, activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
        grid: { weightVariance: { from: 0.5, to: 3, count: weightCount }, biasVariance, depth },
        tileSize,
        kernels,
        keep: { kernels: keep, predictions },
      });
      const shape = { height: side, width: side, channels: 3 };
      const limits = { tiles: Infinity, strips: Infinity, tileBytes: Infinity, stripRowBytes: Infinity };
      return { spec, plan: planExperiment(spec, { ...cifarCounts, shape, train, test }, { limits }) };
    },
  );

describe('indices', () => {
  it('covers the upper triangle exactly once with tiles, and inverts their numbers', () => {
    fc.assert(
      fc.property(cases, ({ plan }) => {
        const covered = new Uint8Array(plan.trainCount ** 2);
        let wrong = 0;
        for (let index = 0; index < plan.tilesPerKernel; index++) {
          const { row, col, rowStart, rowCount, colStart, colCount } = tileAt(plan, index);
          if (tileIndex(plan, row, col) !== index || rowCount < 1 || colCount < 1 || col < row) wrong += 1;
          if (row === col && diagonalTiles(plan)[row] !== index) wrong += 1;
          for (let i = rowStart; i < rowStart + rowCount; i++) {
            const row = i * plan.trainCount;
            for (let j = colStart; j < colStart + colCount; j++)
              covered[row + j] = (covered[row + j] as number) + 1;
          }
        }
        for (let i = 0; i < plan.trainCount; i++) {
          for (let j = i; j < plan.trainCount; j++) if (covered[i * plan.trainCount + j] !== 1) wrong += 1;
        }
        expect(wrong).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('finds a tile from its number for every count of blocks up to a million', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (blocks, at) => {
          const tilesPerKernel = (blocks * (blocks + 1)) / 2;
          const plan = { blocks, tilesPerKernel, tileSize: 1, trainCount: blocks } as Plan;
          const index = Math.min(tilesPerKernel - 1, Math.floor(at * tilesPerKernel));
          for (const near of [index - 1, index, index + 1]) {
            if (near < 0 || near >= tilesPerKernel) continue;
            const { row, col } = tileAt(plan, near);
            expect(tileIndex(plan, row, col)).toBe(near);
          }
        },
      ),
    );
  });

  it('covers the test rows exactly once, in order, with strips and their blocks', () => {
    fc.assert(
      fc.property(cases, ({ plan }) => {
        let next = 0;
        let wrong = 0;
        for (let index = 0; index < plan.stripsPerKernel; index++) {
          const { start, count, blocks } = stripAt(plan, index);
          expect(start).toBe(next);
          expect(count).toBeLessThanOrEqual(plan.stripRows);
          for (const block of blocks) {
            if (block.start !== next || block.count < 1 || block.count > plan.stripBlockRows) wrong += 1;
            next += block.count;
          }
          expect(next).toBe(start + count);
        }
        expect({ next, wrong }).toEqual({ next: plan.testCount, wrong: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it('covers the analyses of a kernel exactly once, in grid order, with batches', () => {
    fc.assert(
      fc.property(cases, ({ plan, spec }) => {
        const tasks = Array.from({ length: plan.analysisTasksPerKernel }, (_, task) =>
          analysesAt(plan, spec, task),
        );
        expect(tasks.every(({ length }) => length >= 1 && length <= plan.analysisBatch)).toBe(true);
        const expected = spec.kernels.flatMap((kernel) =>
          plan.axes.depth.map((_, depthIndex) => ({ depthIndex, kernel })),
        );
        expect(tasks.flat()).toEqual(expected);
        expect(plan.analysesPerKernel).toBe(expected.length);
      }),
      { numRuns: 60 },
    );
  });

  it('numbers kernels weight variance by weight variance', () => {
    fc.assert(
      fc.property(cases, ({ plan }) => {
        const { weightVariance, biasVariance } = plan.axes;
        for (let index = 0; index < plan.kernels; index++) {
          const place = kernelAt(plan, index);
          expect(place.weightIndex * biasVariance.length + place.biasIndex).toBe(index);
          expect(place.weightVariance).toBe(weightVariance[place.weightIndex]);
          expect(place.biasVariance).toBe(biasVariance[place.biasIndex]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('refuses numbers outside the plan', () => {
    const spec = heatmapSpec();
    const plan = planExperiment(spec, { ...cifarCounts, test: 0 });
    for (const index of [-1, 0.5, 40, Number.NaN]) expect(() => kernelAt(plan, index)).toThrow('no kernel');
    expect(() => tileAt(plan, 1)).toThrow('no tile 1');
    expect(() => analysesAt(plan, spec, plan.analysisTasksPerKernel)).toThrow('no analysis task');
    expect(() => stripAt(plan, 0)).toThrow('no strip');
    expect(() => tileIndex({ ...plan, blocks: 2 }, 1, 0)).toThrow('below the diagonal');
  });
});
