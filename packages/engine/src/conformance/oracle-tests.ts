/** Every engine against the oracle, at sizes around the vector's width and with every activation and geometry. */
import type { Architecture, Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import { activations } from '../activations.js';
import type { Engine, KernelTile, TileArray, TileTask } from '../engine.js';
import { oracleEngine } from '../oracle/oracle-engine.js';
import { depthOf, fcn, kindOf, randomImages, taskOf } from './tiles.js';
import { complementError, relativeError, toleranceOf } from './tolerances.js';

/** 1, lanes - 1, lanes, lanes + 1 for 2, 4, 8 and 16 lanes, four vectors of them, and odd sizes. */
const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65] as const;

async function expectOracle(engine: Engine, task: TileTask): Promise<void> {
  const wanted = await oracleEngine().computeTile({ ...task, precision: 'f64' });
  const actual = await engine.computeTile(task);
  for (const kernel of task.kernels) {
    const [got, want] = [kindOf(actual, kernel), kindOf(wanted, kernel)];
    task.depths.forEach((depth, index) => {
      for (const [what, error] of Object.entries(errorsAt(task, got, want, index))) {
        const kind = what === 'matrix' ? 'matrix' : 'complement';
        const tolerance = toleranceOf(kind, task.precision, task.architecture.activation.name, depth);
        if (tolerance === null) continue;
        expect(error, `${kernel} ${what} at depth ${depth}`).toBeLessThan(tolerance);
      }
    });
  }
}

function errorsAt(
  { architecture, precision, depths }: TileTask,
  got: KernelTile,
  want: KernelTile,
  index: number,
) {
  const both = (name: keyof KernelTile) =>
    [got, want].map((tile) => depthOf(tile[name] as TileArray, index, depths.length)) as [
      TileArray,
      TileArray,
    ];
  return {
    matrix: relativeError(...both('matrix')),
    complement: complementError(architecture, ...both('complement'), precision),
    reference: relativeError(...both('reference')),
    rowDeviations: relativeError(...both('rowDeviations')),
    colDeviations: relativeError(...both('colDeviations')),
  };
}

export function oracleTests(engine: Engine): void {
  const supported = activations.filter((activation) => engine.supports(fcn(activation)) === null);
  describe.each(engine.info.precisions)('against the oracle in %s', (precision) => {
    it('agrees on symmetric and rectangular fcn tiles of ragged sizes', async () => {
      for (const size of sizes) {
        const rows = randomImages(size, size, { inputs: 2 * size + 1 });
        const cols = randomImages(size + 100, 18 - (size % 18), { inputs: 2 * size + 1 });
        await expectOracle(engine, taskOf(fcn({ name: 'erf' }), rows, null, { precision }));
        await expectOracle(engine, taskOf(fcn({ name: 'relu' }), rows, cols, { precision }));
      }
    });

    for (const activation of supported) {
      it(`agrees on fcn with ${activation.name}`, { timeout: 60_000 }, () =>
        activationAgrees(engine, activation, precision),
      );
    }
    for (const family of ['cnn-flatten', 'cnn-gap'] as const) {
      for (const padding of ['circular', 'same'] as const) {
        it(`agrees on ${family}, ${padding} padding, with every activation and geometry`, () =>
          geometriesAgree(engine, family, padding, precision));
      }
    }

    it('keeps the digits of complements in deep networks, far below what the matrix shows', async () => {
      const rows = randomImages(13, 5, { inputs: 24 });
      const image = { height: 4, width: 4, channels: 3 };
      // Ordered for most activations; a smaller weight variance would take delta out of float32's range by depth 100,
      // and with it the tangent kernel's complement, which for kinked activations is of the order of its square root.
      const deep = { precision, depths: [30, 100], weightVariance: 1.4, biasVariance: 0.18 };
      for (const activation of supported) {
        if (activation.name === 'tanh') continue;
        await expectOracle(engine, taskOf(fcn(activation), rows, null, deep));
      }
      for (const family of ['cnn-flatten', 'cnn-gap'] as const) {
        for (const padding of ['circular', 'same'] as const) {
          for (const name of ['erf', 'relu'] as const) {
            const architecture = { family, padding, activation: { name }, filterSize: 3 };
            if (engine.supports(architecture) !== null) continue;
            await expectOracle(engine, taskOf(architecture, randomImages(14, 2, image), null, deep));
          }
        }
      }
    });

    it('keeps the digits of the complement of two images that are nearly equal', async () => {
      const rows = randomImages(15, 3, { inputs: 40 });
      rows.data.copyWithin(40, 0, 40);
      // Nearer ones lose to the rounding of their variances, whose difference enters: about eps / sqrt(delta).
      rows.data[45] = (rows.data[45] as number) + 1e-2;
      for (const name of ['erf', 'relu', 'gelu'] as const) {
        await expectOracle(engine, taskOf(fcn({ name }), rows, null, { precision, depths: [0, 1, 10, 50] }));
      }
    });

    it('agrees on images of zeros, whose variance is 0', async () => {
      const rows = { ...randomImages(3, 3, { inputs: 6 }) };
      rows.data.fill(0, 6, 12);
      for (const activation of supported) {
        const task = taskOf(fcn(activation), rows, null, { precision, biasVariance: 0, depths: [0, 1, 2] });
        await expectOracle(engine, task);
      }
    });

    it('keeps relative accuracy where a network without bias lets the kernel die out', async () => {
      const rows = randomImages(4, 9, { inputs: 6 });
      for (const name of ['erf', 'relu'] as const) {
        const numbers = { precision, weightVariance: 0.6, biasVariance: 0, depths: [5, 10] };
        await expectOracle(engine, taskOf(fcn({ name }), rows, null, numbers));
      }
    });
  });
}

async function activationAgrees(
  engine: Engine,
  activation: Architecture['activation'],
  precision: Precision,
) {
  const size = activation.name === 'tanh' ? 4 : 19;
  const rows = randomImages(11, size, { inputs: 24 });
  const cols = randomImages(12, size - 2, { inputs: 24 });
  await expectOracle(engine, taskOf(fcn(activation), rows, null, { precision }));
  await expectOracle(engine, taskOf(fcn(activation), rows, cols, { precision }));
}

async function geometriesAgree(
  engine: Engine,
  family: 'cnn-flatten' | 'cnn-gap',
  padding: 'circular' | 'same',
  precision: Precision,
) {
  const every = activations;
  const two: readonly Architecture['activation'][] = [{ name: 'relu' }, { name: 'erf' }];
  // With one channel all pixels are collinear, and sqrt(q1 q2 - k^2) = 0 comes out as sqrt(eps) in either engine:
  // relu-like tangent kernels then agree to 1e-10 only.
  const smooth: readonly Architecture['activation'][] = [{ name: 'erf' }, { name: 'gelu' }];
  const geometries = [
    { height: 4, width: 5, channels: 3, filterSize: 3, tried: every },
    { height: 4, width: 9, channels: 1, filterSize: 3, tried: smooth },
    { height: 6, width: 8, channels: 2, filterSize: 5, tried: two },
    { height: 7, width: 17, channels: 2, filterSize: 7, tried: two },
    { height: 3, width: 1, channels: 4, filterSize: 1, tried: two },
    { height: 1, width: 33, channels: 1, filterSize: 1, tried: smooth },
  ];
  for (const { filterSize, tried, ...shape } of geometries) {
    const rows = randomImages(21, 2, shape);
    const cols = randomImages(22, 1, shape);
    for (const activation of tried) {
      const architecture = { family, padding, activation, filterSize };
      if (activation.name === 'tanh' || engine.supports(architecture) !== null) continue;
      const numbers = { precision, depths: [2, 0, 4] };
      await expectOracle(engine, taskOf(architecture, rows, null, numbers));
      await expectOracle(engine, taskOf(architecture, rows, cols, numbers));
    }
  }
}
