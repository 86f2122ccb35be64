import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  analyzeMatrix,
  combineStrips,
  encodePredictor,
  encodeStripScores,
  predictorLength,
  type StripScores,
  scoreStrip,
  solutionColumns,
} from '@tessera/analysis';
import {
  type AnalysisRecord,
  acceptFinish,
  type ClaimedTask,
  doneTasks,
  listAnalyses,
  rejectPiece,
  releaseTask,
} from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import { NotYet, readAnalysisPiece } from '@tessera/experiment';
import { FairBudget, openLinalg } from '@tessera/linalg';
import { analysesAt, stripAt, tileAt } from '@tessera/plan';
import {
  encodeTestTrainStrip,
  encodeTrainTile,
  encodeVariances,
  stripPieceKey,
  trainTileKey,
} from '@tessera/store';
import {
  analysisInput,
  fingerprints,
  spoil,
  TinyExperiment,
  type WholeKernel,
} from '@tessera/testkit/tiny-experiment';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Aggregated, analyzeBatch } from '../src/analysis-batch.js';
import { finishKernel } from '../src/finish-kernel.js';
import { MatrixMemory } from '../src/matrix-memory.js';
import { MemoryBudget } from '../src/memory-budget.js';
import { publishKernel } from '../src/publish-kernel.js';

const [m, tests, depths, classes] = [6, 5, 3, 10];
const kinds = ['ntk', 'nngp'] as const;
const layout = solutionColumns([4, 1], [0.1, 0], classes);
const forever = new AbortController().signal;
const aggregator = { id: 'a', role: 'aggregator', fingerprint: 'lapack' } as const;
const linalg = openLinalg({ threads: 1 });

let tiny: TinyExperiment;
let train: Record<'ntk' | 'nngp', WholeKernel>;
beforeEach(async () => {
  tiny = await TinyExperiment.open();
  train = await tiny.directly('train');
});
afterEach(() => tiny?.close());

const memory = new MemoryBudget(2 ** 30);
const matrices = new MatrixMemory();
const turns = new FairBudget(2);
const aggregation = () => ({ db: tiny.db, store: tiny.store, linalg, memory, matrices, turns });
const analyze = (task: ClaimedTask) => analyzeBatch(aggregation(), tiny.experiment, task, forever);
const finish = (task: ClaimedTask) => finishKernel(aggregation(), tiny.experiment, task, forever);

/** Leaves the ready tiles as a worker would, cut out of the whole matrix. */
async function computeTiles(): Promise<void> {
  const { id, experiment, store } = tiny;
  for (const task of await tiny.claim('train')) {
    const tile = tileAt(experiment.plan, task.index);
    const pieces: Aggregated['pieces'] = {};
    for (const kind of kinds) {
      const { rowStart, rowCount, colStart, colCount } = tile;
      const { matrix, complement, reference, rowDeviations } = train[kind];
      const encode = (whole: Float64Array) => {
        const values = Float64Array.from({ length: depths * rowCount * colCount }, (_, i) => {
          const col = colStart + (i % colCount);
          const row = rowStart + (Math.floor(i / colCount) % rowCount);
          const depth = Math.floor(i / (rowCount * colCount));
          return whole[(depth * m + row) * m + col] as number;
        });
        return encodeTrainTile(experiment.layout, values, rowCount, colCount);
      };
      const deviations = Float64Array.from(
        { length: depths * rowCount },
        (_, i) => rowDeviations[Math.floor(i / rowCount) * m + rowStart + (i % rowCount)] as number,
      );
      for (const [name, shard] of [
        [`${kind}_train_train`, encode(matrix)],
        [`${kind}_train_train_complement`, encode(complement)],
        [`${kind}_variances`, encodeVariances(experiment.layout, reference, deviations, rowCount)],
      ] as const) {
        const key = trainTileKey(id, 0, { ...tile, generation: task.generation }, name);
        await store.put(key, shard.parts);
        pieces[name] = { key, checksum: shard.checksum };
      }
    }
    await tiny.accept(task, { pieces, result: null });
  }
}

/** Analyzes the ready batches. */
async function computeAnalyses(): Promise<AnalysisRecord[]> {
  const rows: AnalysisRecord[] = [];
  for (const task of await tiny.claim('analysis')) {
    const { analyses, ...left } = await analyze(task);
    rows.push(...analyses);
    await tiny.accept(task, left, analyses);
  }
  return rows;
}

function labels(split: 'train' | 'test', kind: 'centered' | 'centered-over-images'): Float64Array {
  const { subset } = tiny.experiment;
  return labelMatrix(
    split === 'train' ? subset.trainLabels : subset.testLabels,
    classes,
    kind,
    subset.trainLabels,
  );
}

/** One matrix analyzed without tiles, batches and store. */
function analyzeDirectly(kind: 'ntk' | 'nngp', depthIndex: number) {
  return analyzeMatrix(linalg, {
    ...analysisInput(train[kind], depthIndex),
    labels: labels('train', 'centered'),
    meanLabels: labels('train', 'centered-over-images'),
    classes,
    trainLabels: tiny.experiment.subset.trainLabels,
    spectrum: 'full',
    diagReg: [0.1, 0],
    times: [4, 1],
    learningRate: 'max',
    wantSolutions: true,
  });
}

/** Leaves the ready strips as a worker would. @returns the scores by strip and analysis */
async function computeStrips(): Promise<StripScores[][]> {
  const { experiment, store, id } = tiny;
  const test = await tiny.directly('test');
  const all: StripScores[][] = [];
  for (const task of await tiny.claim('strip')) {
    const { start, count } = stripAt(experiment.plan, task.index);
    const part = (values: Float64Array, width: number) =>
      values.subarray(start * width, (start + count) * width);
    const scores: StripScores[] = [];
    const pieces: Aggregated['pieces'] = {};
    for (const kind of kinds) {
      const rows = new Float64Array(depths * count * m);
      for (let depth = 0; depth < depths; depth++) {
        const ofDepth = (values: Float64Array) => values.subarray(depth * tests * m, (depth + 1) * tests * m);
        const { matrix, complement, rowDeviations } = test[kind];
        rows.set(part(ofDepth(matrix), m), depth * count * m);
        const { predictor } = await analyzeDirectly(kind, depth);
        const { predictions: _, ...scored } = await scoreStrip(linalg, {
          predictor,
          values: part(ofDepth(predictor.route === 'graded' ? complement : matrix), m).slice(),
          rowDeviations: part(rowDeviations.subarray(depth * tests, (depth + 1) * tests), 1),
          rows: count,
          size: m,
          classes,
          testLabels: experiment.subset.testLabels.subarray(start, start + count),
          targets: part(labels('test', 'centered'), classes),
          meanTargets: part(labels('test', 'centered-over-images'), classes),
        });
        scores.push(scored);
      }
      const shard = encodeTestTrainStrip(experiment.layout, rows, count);
      const key = stripPieceKey(id, 0, task, `${kind}_test_train`);
      await store.put(key, shard.parts);
      pieces[`${kind}_test_train`] = { key, checksum: shard.checksum };
    }
    all.push(scores);
    await tiny.accept(task, { pieces, result: encodeStripScores(scores) });
  }
  return all;
}

async function claimFinish(): Promise<ClaimedTask> {
  const [task] = await tiny.claim('finish');
  if (!task) throw new Error('no finish');
  return task;
}

describe('an aggregator', () => {
  it('gives for tiles the rows and vectors that the whole matrix gives', async () => {
    await computeTiles();
    const rows = await computeAnalyses();
    expect(rows.map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rows.map((row) => `${row.kernel} ${row.depth}`)).toEqual([
      'ntk 3',
      'ntk 0',
      'ntk 2',
      'nngp 3',
      'nngp 0',
      'nngp 2',
    ]);
    for (const task of await doneTasks(tiny.db, tiny.id, 0, 'analysis')) {
      const batch = analysesAt(tiny.experiment.plan, tiny.experiment.spec, task.index);
      for (const [position, { kernel, depthIndex }] of batch.entries()) {
        const direct = await analyzeDirectly(kernel, depthIndex);
        const row = rows[kinds.indexOf(kernel) * depths + depthIndex] as AnalysisRecord;
        for (const name of ['lambdaMax', 'lambdaMin', 'kappa', 'trace', 'conditionNumber'] as const) {
          expect(row[name]).toBe(direct[name]);
        }
        expect(row.dynamics.map(({ time, trainLoss }) => [time, trainLoss])).toEqual([
          [4, direct.train.dynamics[0]?.loss],
          [1, direct.train.dynamics[1]?.loss],
        ]);
        expect(row.regression.map(({ diagReg, trainAccuracy }) => [diagReg, trainAccuracy])).toEqual([
          [0.1, direct.train.regression[0]?.accuracy],
          [0, direct.train.regression[1]?.accuracy],
        ]);
        const lengths = { eigenvalues: m, predictor: predictorLength(m, layout.columns) };
        const vectors = await readAnalysisPiece(tiny.store, task, { position, count: batch.length }, lengths);
        expect(vectors.eigenvalues).toEqual(direct.eigenvalues);
        expect(vectors.predictor).toEqual(encodePredictor(direct.predictor));
      }
    }
  });

  it('analyses out of core what it does not hold whole: the same eigenvalues and predictors', async () => {
    await computeTiles();
    const { experiment } = tiny;
    const analysis = { ...experiment.spec.analysis, spectrum: { top: 2 }, dynamics: null };
    const spec = { ...experiment.spec, analysis };
    const [task] = await tiny.claim('analysis');
    if (!task) throw new Error('no analysis');
    const [streamed, dense] = await Promise.all(
      (['streamed', 'dense'] as const).map((analysisMode) => {
        const plan = { ...experiment.plan, analysisMode };
        const opened = { ...experiment, spec, plan, layout: { ...experiment.layout, spec } };
        return analyzeBatch(aggregation(), opened, task, forever);
      }),
    );
    expect(streamed?.analyses).toHaveLength(4);
    for (const [i, row] of (streamed?.analyses ?? []).entries()) {
      const whole = dense?.analyses[i] as AnalysisRecord;
      for (const name of ['lambdaMax', 'lambdaBulk', 'kappa', 'trace'] as const) {
        expect(Math.abs((row[name] as number) / (whole[name] as number) - 1)).toBeLessThan(1e-10);
      }
      expect(row.lambdaMin).toBeNull();
      const losses = (of: AnalysisRecord) => of.regression.map(({ trainLoss }) => trainLoss as number);
      losses(row).forEach((loss, ridge) => {
        expect(Math.abs(loss - (losses(whole)[ridge] as number))).toBeLessThan(1e-10);
      });
    }
  });

  it('finds a damaged or lost tile, which is computed again with equal bytes and gives equal rows', async () => {
    await computeTiles();
    const [task] = await tiny.claim('analysis');
    if (!task) throw new Error('no analysis');
    const faultless = await analyze(task);
    for (const [round, harm] of [spoil, rm].entries()) {
      const file = await tiny.pieceFile('train', 1, 'ntk_train_train_complement');
      const bytes = await readFile(file);
      await harm(file);
      await expect(analyze(task)).rejects.toBeInstanceOf(NotYet);
      expect(await tiny.wave()).toBe('train');
      expect(await tiny.taskRows()).toMatchObject({
        'train 0': 'done 1',
        'train 1': `pending ${round + 2}`,
        'train 2': 'done 1',
      });
      // Tile 1 is missing now: the tile after it must not be taken for it.
      await expect(analyze(task)).rejects.toBeInstanceOf(NotYet);
      await computeTiles();
      expect(await tiny.wave()).toBe('analysis');
      const again = await tiny.pieceFile('train', 1, 'ntk_train_train_complement');
      expect(again).not.toBe(file);
      expect(await readFile(again)).toEqual(bytes);
      expect((await analyze(task)).analyses).toEqual(faultless.analyses);
    }
  });

  it('finishes a kernel: test scores, everything kept, the same bytes when done twice; then nothing temporary is left', async () => {
    await computeTiles();
    const rows = await computeAnalyses();
    const strips = await computeStrips();
    const task = await claimFinish();
    const published = join(tiny.folder, `experiments/${tiny.id}.zarr`);
    const first = await finish(task);
    const written = await fingerprints(published);
    // Killed before it was accepted: the next one does it all again.
    const second = await finish(task);
    expect(second.analyses).toEqual(first.analyses);
    expect(await fingerprints(published)).toEqual(written);
    expect(Object.keys(written).filter((name) => name.includes('/ntk_train_train/c/'))).toHaveLength(4);
    expect(Object.keys(written).filter((name) => name.includes('/nngp_test_train/c/'))).toHaveLength(2);

    for (const [position, row] of second.analyses.entries()) {
      const summary = combineStrips(strips.map((strip) => strip[position] as StripScores));
      expect(row).toMatchObject({
        kappa: rows[position]?.kappa,
        meanPredictorNorm: summary.meanPredictorNorm,
        dynamics: [0, 1].map((i) => ({
          trainLoss: rows[position]?.dynamics[i]?.trainLoss,
          testLoss: summary.blocks[layout.time(i)]?.loss,
          testAccuracy: summary.blocks[layout.time(i)]?.accuracy,
        })),
        regression: [0, 1].map((i) => ({ testLoss: summary.blocks[layout.ridge(i)]?.loss })),
      });
    }
    expect(await listAnalyses(tiny.db, tiny.id, { after: null, limit: 10 })).toEqual([]);
    const result = { pieces: {}, bytes: 0, milliseconds: 1, engine: '', device: '', result: null };
    expect(await acceptFinish(tiny.db, task, aggregator, result, second)).toBe(true);
    await second.afterwards?.();
    expect(await listAnalyses(tiny.db, tiny.id, { after: null, limit: 10 })).toEqual(second.analyses);
    expect(await fingerprints(join(tiny.folder, `experiments/${tiny.id}.tmp`)).catch(() => ({}))).toEqual({});
    expect(await fingerprints(published)).toEqual(written);
    // One that comes late, or went on after it had read its strips, finds the task rows gone and changes nothing.
    await expect(finish(task)).rejects.toBeInstanceOf(NotYet);
    for (const keep of ['all', 'none'] as const) {
      const { experiment } = tiny;
      const late = {
        ...experiment,
        spec: { ...experiment.spec, keep: { kernels: keep, predictions: false } },
      };
      const publishing = publishKernel(aggregation(), late, task, second.analyses, [], forever);
      await expect(publishing).rejects.toBeInstanceOf(NotYet);
    }
    expect(await fingerprints(published)).toEqual(written);
  });

  it('sends back what a finish finds damaged, of every wave, and finishes from what is computed again', async () => {
    await computeTiles();
    await computeAnalyses();
    await computeStrips();
    for (const [wave, name, again] of [
      ['train', 'nngp_train_train', computeTiles],
      ['analysis', 'vectors', computeAnalyses],
      ['strip', 'ntk_test_train', computeStrips],
    ] as const) {
      const task = await claimFinish();
      await spoil(await tiny.pieceFile(wave, 0, name));
      await expect(finish(task)).rejects.toBeInstanceOf(NotYet);
      expect(await tiny.wave()).toBe(wave);
      await releaseTask(tiny.db, task, aggregator);
      await again();
      expect(await tiny.wave()).toBe('finish');
    }
    const { analyses } = await finish(await claimFinish());
    expect(analyses).toHaveLength(6);
  });

  it('does not finish with a strip or an analysis missing', async () => {
    await computeTiles();
    await computeAnalyses();
    await computeStrips();
    const task = await claimFinish();
    const strip = (await doneTasks(tiny.db, tiny.id, 0, 'strip'))[0];
    if (!strip) throw new Error('no strip');
    const address = { experimentId: tiny.id, kernelIndex: 0, wave: 'strip', ...strip } as const;
    expect(await rejectPiece(tiny.db, address, 'found by somebody else')).toBe(true);
    await expect(finish(task)).rejects.toBeInstanceOf(NotYet);
  });
});
