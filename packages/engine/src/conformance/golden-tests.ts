/** Goldens: matrices and complements in more than float64's digits that every engine must reproduce. */
import type { KernelName, Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import type { Engine, KernelTile, TileArray, TileTask } from '../engine.js';
import { cutGolden, type Golden, type GoldenMatrix } from '../goldens/load-goldens.js';
import { depthOf, kindOf } from './tiles.js';
import { complementError, relativeError, toleranceOf } from './tolerances.js';

/** Cases whose full matrices take too long are cut to their first images and layers; the title says so. */
export interface GoldenCut {
  applies(golden: Golden): boolean;
  train: number;
  test: number;
  /** The deepest depth that is kept; all of them without it. */
  depth?: number;
}

const LARGEST_F32 = 3.4028235e38;

export function goldenTests(engine: Engine, goldens: readonly Golden[], cuts: readonly GoldenCut[]): void {
  describe.each(engine.info.precisions)('goldens in %s', (precision) => {
    for (const whole of goldens) {
      if (engine.supports(whole.architecture) !== null) continue;
      const cut = cuts.find(({ applies }) => applies(whole));
      const golden = cut ? cutGolden(whole, cut) : whole;
      const title = cut
        ? `${whole.name} (first ${cut.train} training, ${cut.test} test images, to depth ${golden.depths.at(-1)})`
        : whole.name;
      it(`reproduces ${title} at every depth, both kinds`, { timeout: 120_000 }, () =>
        compare(engine, golden, precision),
      );
    }
  });
}

async function compare(engine: Engine, golden: Golden, precision: Precision): Promise<void> {
  const { architecture, weightVariance, biasVariance, referenceVariance, depths, train, test } = golden;
  const task: TileTask = {
    architecture,
    weightVariance,
    biasVariance,
    referenceVariance,
    depths,
    precision,
    kernels: ['ntk', 'nngp'],
    arrays: golden.complements === null ? ['matrix'] : ['matrix', 'complement'],
    rows: train,
    cols: null,
  };
  const trained = await engine.computeTile(task);
  const tested = await engine.computeTile({ ...task, rows: test, cols: train });
  const problems: string[] = [];
  for (const kernel of ['ntk', 'nngp'] as const satisfies KernelName[]) {
    for (const matrix of ['train_train', 'test_train'] as const) {
      const tile = kindOf(matrix === 'train_train' ? trained : tested, kernel);
      const found = [
        ...matrixProblems(golden, kernel, matrix, tile, precision),
        ...complementProblems(golden, kernel, matrix, tile, precision),
      ];
      problems.push(...found.map((problem) => `${kernel}_${matrix} ${problem}`));
    }
  }
  expect(problems).toEqual([]);
}

function matrixProblems(
  golden: Golden,
  kernel: KernelName,
  matrix: GoldenMatrix,
  tile: KernelTile,
  precision: Precision,
): string[] {
  const expected = golden.expected(kernel, matrix);
  const { depths } = golden;
  return depths.flatMap((depth, index) => {
    const wanted = depthOf(expected, index, depths.length);
    const actual = depthOf(tile.matrix as TileArray, index, depths.length);
    const problem = judge(actual, wanted, golden, precision, depth);
    return problem === null ? [] : [`at depth ${depth}: ${problem}`];
  });
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
    precision === 'f32' && Array.prototype.some.call(expected, (v) => Math.abs(v) > LARGEST_F32);
  if (overflows) {
    const silent = Array.prototype.findIndex.call(
      expected,
      (v, i) => Math.abs(v) > LARGEST_F32 && Number.isFinite(actual[i]),
    );
    return silent < 0 ? null : `entry ${silent} is ${actual[silent]} where ${expected[silent]} overflows`;
  }
  const tolerance = toleranceOf('matrix', precision, golden.architecture.activation.name, depth);
  if (tolerance === null) return null;
  return tooLarge(relativeError(actual, expected), tolerance);
}

const tooLarge = (error: number, tolerance: number): string | null =>
  error <= tolerance ? null : `error ${error.toExponential(2)}, allowed ${tolerance}`;

/** Of cases that hold complements: those, and the variances of the reference and the images. */
function complementProblems(
  golden: Golden,
  kernel: KernelName,
  matrix: GoldenMatrix,
  tile: KernelTile,
  precision: Precision,
): string[] {
  if (golden.complements === null) return [];
  const { depths, architecture } = golden;
  const expected = golden.complements(kernel, matrix);
  const part = (array: TileArray, index: number) => depthOf(array, index, depths.length);
  return depths.flatMap((depth, index) => {
    const tolerance = toleranceOf('complement', precision, architecture.activation.name, depth);
    if (tolerance === null) return [];
    const actual = part(tile.complement as TileArray, index);
    const errors = {
      complement: complementError(architecture, actual, part(expected.complement, index), precision),
      reference: relativeError(part(tile.reference, index), part(expected.reference, index)),
      'row deviations': relativeError(part(tile.rowDeviations, index), part(expected.rowDeviations, index)),
      'column deviations': relativeError(
        part(tile.colDeviations, index),
        part(expected.colDeviations, index),
      ),
    };
    return Object.entries(errors).flatMap(([name, error]) => {
      const problem = tooLarge(error, tolerance);
      return problem === null ? [] : [`${name} at depth ${depth}: ${problem}`];
    });
  });
}
