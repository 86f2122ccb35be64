import { rm } from 'node:fs/promises';
import {
  analyzeMatrix,
  decodeStripScores,
  encodePredictor,
  type StripPredictor,
  solutionColumns,
} from '@tessera/analysis';
import { doneTasks } from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import { oracleEngine } from '@tessera/engine';
import { NotYet, writeAnalysisPiece } from '@tessera/experiment';
import { openLinalg } from '@tessera/linalg';
import { analysesAt } from '@tessera/plan';
import {
  analysisPieceKey,
  assembleMatrix,
  assembleVariances,
  floatsOf,
  publishPredictionStrip,
  publishTestTrainStrip,
  readSlice,
  type Selection,
} from '@tessera/store';
import { analysisInput, spoil, TinyExperiment, type WholeKernel } from '@tessera/testkit/tiny-experiment';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlockMemory } from '../src/block-memory.js';
import type { Computation } from '../src/computation.js';
import { KnownPredictors } from '../src/predictors.js';
import { computeStrip } from '../src/strip.js';
import { computeTrainTile } from '../src/train-tile.js';

const [m, tests, depths, classes] = [6, 5, 3, 10];
/** Blocks of solutions: the mean predictor, two times, two ridges. */
const columns = 5 * classes;
const kinds = ['ntk', 'nngp'] as const;
const forever = new AbortController().signal;

const linalg = openLinalg({ threads: 1 });

let tiny: TinyExperiment;
let computation: Computation;
let train: Record<'ntk' | 'nngp', WholeKernel>;
let test: Record<'ntk' | 'nngp', WholeKernel>;
beforeAll(async () => {
  tiny = await TinyExperiment.open();
  computation = {
    engine: oracleEngine(),
    cores: linalg.cores,
    store: tiny.store,
    predictors: new KnownPredictors(),
    blocks: new BlockMemory(),
  };
  train = await tiny.directly('train');
  test = await tiny.directly('test');
});
afterAll(() => tiny?.close());

/** What the analyses find; by kind and depth. */
async function solve(kind: 'ntk' | 'nngp', depthIndex: number) {
  const { spec, subset } = tiny.experiment;
  const labels = (centred: typeof spec.dataset.labels) =>
    labelMatrix(subset.trainLabels, classes, centred, subset.trainLabels);
  return analyzeMatrix(linalg, {
    ...analysisInput(train[kind], depthIndex),
    labels: labels(spec.dataset.labels),
    meanLabels: labels('centered-over-images'),
    classes,
    trainLabels: subset.trainLabels,
    spectrum: 'full',
    diagReg: [0.1, 0],
    times: [4, 1],
    learningRate: 'max',
    wantSolutions: true,
  });
}

async function read(name: string, selection: Selection = {}): Promise<Float64Array> {
  const slice = readSlice(tiny.store, tiny.experiment.layout, name, selection);
  const parts: Uint8Array[] = [];
  for await (const part of slice.stream()) parts.push(Buffer.from(part));
  return floatsOf(Buffer.concat(parts), '<f8') as Float64Array;
}

/** Computes the analyses as an aggregator would and has them accepted. */
async function analyze(): Promise<void> {
  const { plan, spec } = tiny.experiment;
  for (const task of await tiny.claim('analysis')) {
    const vectors = [];
    for (const { kernel, depthIndex } of analysesAt(plan, spec, task.index)) {
      const { eigenvalues, predictor } = await solve(kernel, depthIndex);
      vectors.push({ eigenvalues: eigenvalues as Float64Array, predictor: encodePredictor(predictor) });
    }
    const key = analysisPieceKey(tiny.id, 0, task, 'vectors');
    const { piece } = await writeAnalysisPiece(tiny.store, key, vectors);
    await tiny.accept(task, { pieces: { vectors: piece }, result: null });
  }
}

describe('a worker', () => {
  it('computes train tiles that are, put together, the matrices computed in one go, bit for bit', async () => {
    const tiles = await tiny.claim('train');
    expect(tiles).toHaveLength(3);
    for (const task of tiles) {
      await tiny.accept(task, await computeTrainTile(computation, tiny.experiment, task, forever));
    }
    const done = await doneTasks(tiny.db, tiny.id, 0, 'train');
    const order = [
      [0, 0],
      [0, 1],
      [1, 1],
    ];
    const { store, experiment } = tiny;
    const keyOf = (piece: string) => (row: number, col: number) =>
      done[order.findIndex(([r, c]) => r === row && c === col)]?.pieces[piece]?.key as string;
    for (const kind of kinds) {
      const { matrix, complement, reference, rowDeviations } = train[kind];
      for (let depth = 0; depth < depths; depth++) {
        const assembled = (array: string) =>
          assembleMatrix(store, experiment.layout, keyOf(`${kind}_${array}`), depth);
        const whole = (values: Float64Array) => values.subarray(depth * m * m, (depth + 1) * m * m);
        expect(await assembled('train_train')).toEqual(whole(matrix));
        expect(await assembled('train_train_complement')).toEqual(whole(complement));
        const variancesOf = (row: number) => keyOf(`${kind}_variances`)(row, row);
        expect((await assembleVariances(store, experiment.layout, variancesOf))[depth]).toEqual({
          reference: reference[depth],
          deviations: rowDeviations.slice(depth * m, (depth + 1) * m),
        });
      }
    }
  });

  it('finds a damaged or lost predictor piece, which is then computed again', async () => {
    await analyze();
    const [strip] = await tiny.claim('strip');
    if (!strip) throw new Error('no strip');
    for (const [round, harm] of [spoil, rm].entries()) {
      await harm(await tiny.pieceFile('analysis', 1, 'vectors'));
      const computing = computeStrip(computation, tiny.db, tiny.experiment, strip, forever);
      await expect(computing).rejects.toBeInstanceOf(NotYet);
      expect(await tiny.taskRows()).toMatchObject({
        'analysis 0': 'done 1',
        'analysis 1': `pending ${round + 2}`,
      });
      expect(await tiny.wave()).toBe('analysis');
      // The batch is missing: nobody predicts from half of them.
      const early = computeStrip(computation, tiny.db, tiny.experiment, strip, forever);
      await expect(early).rejects.toBeInstanceOf(NotYet);
      await analyze();
      expect(await tiny.wave()).toBe('strip');
    }
    const again = await computeStrip(computation, tiny.db, tiny.experiment, strip, forever);
    await tiny.accept(strip, again);
  });

  it('computes strips whose kernels, predictions and scores are those computed in one go', async () => {
    const { store, experiment } = tiny;
    const { layout, subset } = experiment;
    // Strip 0 was accepted above; strip 1 is still leased by the same hand.
    await tiny.db.pool.query(
      `UPDATE tasks SET state = 'pending', leased_until = NULL, queued_at = NULL WHERE experiment_id = $1 AND state = 'leased'`,
      [tiny.id],
    );
    for (const task of await tiny.claim('strip')) {
      await tiny.accept(task, await computeStrip(computation, tiny.db, experiment, task, forever));
    }
    const strips = await doneTasks(tiny.db, tiny.id, 0, 'strip');
    expect(strips).toHaveLength(2);
    for (const { index, pieces } of strips) {
      expect(Object.keys(pieces).sort()).toEqual([
        'nngp_test_train',
        'ntk_test_train',
        'predictions',
        'predictions_ridge',
      ]);
      for (const kind of kinds) {
        const piece = pieces[`${kind}_test_train`];
        if (piece) await publishTestTrainStrip(store, layout, 0, kind, index, piece);
      }
      for (const name of ['predictions', 'predictions_ridge'] as const) {
        const piece = pieces[name];
        if (piece) await publishPredictionStrip(store, layout, 0, name, index, piece);
      }
    }
    const layoutOf = solutionColumns([4, 1], [0.1, 0], classes);
    const scores = strips.map((strip) => decodeStripScores(strip.result as Buffer, layoutOf.blocks));
    for (const [kindIndex, kind] of kinds.entries()) {
      expect(await read(`${kind}_test_train`)).toEqual(test[kind].matrix);
      for (let depth = 0; depth < depths; depth++) {
        const { predictor } = await solve(kind, depth);
        const predictions = predict(predictor, test[kind], depth);
        const place = { kernel: kindIndex, depth };
        const stored = {
          predictions: await read('predictions', place),
          predictions_ridge: await read('predictions_ridge', place),
        };
        for (let block = 1; block < 5; block++) {
          const [name, column] = block < 3 ? ['predictions', block - 1] : ['predictions_ridge', block - 3];
          const kept = stored[name as keyof typeof stored];
          let correct = 0;
          for (let row = 0; row < tests; row++) {
            const from = row * columns + block * classes;
            const direct = predictions.subarray(from, from + classes);
            const at = ((column as number) * tests + row) * classes;
            expectClose(kept.subarray(at, at + classes), direct);
            if (direct.indexOf(Math.max(...direct)) === subset.testLabels[row]) correct++;
          }
          const counted = scores.map((strip) => strip[kindIndex * depths + depth]?.correct[block] as number);
          expect(counted.reduce((sum, count) => sum + count, 0)).toBe(correct);
        }
      }
    }
    expect(scores.map((strip) => strip[0]?.images)).toEqual([3, 2]);
  });

  it('stops when it is told to', async () => {
    const task = {
      id: 1n,
      generation: 9,
      experimentId: tiny.id,
      kernelIndex: 0,
      wave: 'train',
      index: 0,
    } as const;
    const stopped = computeTrainTile(computation, tiny.experiment, task, AbortSignal.abort());
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  });
});

/** Predictions of one depth (tests x columns), the plain way. */
function predict(predictor: StripPredictor, kernel: WholeKernel, depth: number): Float64Array {
  const { route, solutions, center, meanDeviation, slopes, constants } = predictor;
  const at = (values: Float64Array, index: number) => values[index] as number;
  return Float64Array.from({ length: tests * columns }, (_, entry) => {
    const [row, column] = [Math.floor(entry / columns), entry % columns];
    const first = (depth * tests + row) * m;
    const gaps = Array.from({ length: m }, (_, k) =>
      route === 'graded' ? at(center, k) - at(kernel.complement, first + k) : at(kernel.matrix, first + k),
    );
    const sum = gaps.reduce((total, gap, k) => total + gap * at(solutions, k * columns + column), 0);
    if (route === 'plain') return sum;
    const mean = gaps.reduce((total, gap) => total + gap, 0) / m;
    const shift = m * ((at(kernel.rowDeviations, depth * tests + row) - meanDeviation) / 2 + mean);
    return sum + shift * at(slopes, column) + at(constants, column);
  });
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-12 * (1 + Math.abs(value)));
  });
}
