/** Goldens: extended-precision matrices that every engine must reproduce. */
import type { KernelName, Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import type { Engine, TileArray, TileTask } from '../engine.js';
import { cutGolden, type Golden } from '../goldens/load-goldens.js';
import { depthOf } from './tiles.js';
import { relativeError, toleranceOf } from './tolerances.js';

/** Cases whose full matrices take too long are cut to their first images; the title says so. */
export interface GoldenCut {
  applies(golden: Golden): boolean;
  train: number;
  test: number;
}

export function goldenTests(engine: Engine, goldens: readonly Golden[], cut: GoldenCut | null): void {
  describe.each(engine.info.precisions)('goldens in %s', (precision) => {
    for (const whole of goldens) {
      if (engine.supports(whole.architecture) !== null) continue;
      const isCut = cut?.applies(whole) === true;
      const golden = isCut ? cutGolden(whole, cut.train, cut.test) : whole;
      const title = isCut
        ? `${whole.name} (first ${cut.train} training, ${cut.test} test images)`
        : whole.name;
      it(`reproduces ${title} at every depth, both kinds`, { timeout: 120_000 }, () =>
        compare(engine, golden, precision),
      );
    }
  });
}

async function compare(engine: Engine, golden: Golden, precision: Precision): Promise<void> {
  const { architecture, weightVariance, biasVariance, depths, train, test } = golden;
  const network = { architecture, weightVariance, biasVariance, depths, precision };
  const task: TileTask = { ...network, kernels: ['ntk', 'nngp'], rows: train, cols: null };
  const trained = await engine.computeTile(task);
  const tested = await engine.computeTile({ ...task, rows: test, cols: train });
  const problems: string[] = [];
  for (const kernel of ['ntk', 'nngp'] as const satisfies KernelName[]) {
    for (const matrix of ['train_train', 'test_train'] as const) {
      const actual = (matrix === 'train_train' ? trained : tested)[kernel] as TileArray;
      const expected = golden.expected(kernel, matrix);
      depths.forEach((depth, index) => {
        const wanted = depthOf(expected, index, depths.length);
        const problem = judge(depthOf(actual, index, depths.length), wanted, golden, precision, depth);
        if (problem !== null) problems.push(`${kernel}_${matrix} at depth ${depth}: ${problem}`);
      });
    }
  }
  expect(problems).toEqual([]);
}

/** What is wrong with one matrix. f32 must answer what it cannot hold with infinities or NaN, not with a number. */
function judge(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  golden: Golden,
  precision: Precision,
  depth: number,
): string | null {
  const overflows =
    precision === 'f32' && Array.prototype.some.call(expected, (v) => Math.abs(v) > 3.4028235e38);
  if (overflows) {
    const silent = Array.prototype.findIndex.call(
      expected,
      (v, i) => Math.abs(v) > 3.4028235e38 && Number.isFinite(actual[i]),
    );
    return silent < 0 ? null : `entry ${silent} is ${actual[silent]} where ${expected[silent]} overflows`;
  }
  const tolerance = toleranceOf(precision, golden.architecture.activation.name, depth);
  if (tolerance === null) return null;
  const error = relativeError(actual, expected);
  return error <= tolerance ? null : `error ${error.toExponential(2)}, allowed ${tolerance}`;
}
