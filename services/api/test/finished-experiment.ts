/** Makes up what workers and aggregators would have written of an experiment. */
import { type AnalysisRecord, upsertAnalyses } from '@tessera/database';
import type { Experiment } from '@tessera/spec';
import {
  createExperimentGroup,
  type ExperimentLayout,
  encodeTrainTile,
  kernelArrayName,
  publishTrainTile,
  resultArrays,
  trainBlocks,
  trainTileKey,
  writeEigenvalues,
  writeResultChunks,
  writeTrainVariances,
} from '@tessera/store';
import { ExperimentLayouts } from '../src/experiment-layouts.js';
import { requireExperiment } from '../src/routes/experiments.js';
import { type RunningApi, tinySpec } from './running-api.js';

/** POSTs the tiny spec. */
export async function createTiny(
  api: RunningApi,
  changes: Parameters<typeof tinySpec>[0] = {},
): Promise<Experiment> {
  const response = await api.post('/v1/experiments', tinySpec(changes));
  if (response.statusCode !== 202) throw new Error(response.body);
  return response.json() as Experiment;
}

/** The value at (weight index, depth index, row, column) of every made-up kernel matrix. */
export const entry = (weight: number, depth: number, row: number, column: number) =>
  1000 * weight + 100 * depth + row * column + (row === column ? 1 : 0);

/** Writes the arrays and rows of one kernel and marks it done. */
export async function finishKernel(api: RunningApi, id: string, kernelIndex: number): Promise<void> {
  const layout = await layoutOfExperiment(api, id);
  await createExperimentGroup(api.store, layout);
  const m = layout.train.length;
  const depths = layout.axes.depth.length;
  for (const kind of layout.axes.kernels) {
    const values = new Float64Array(depths * m * m).map((_, i) =>
      entry(kernelIndex, Math.floor(i / (m * m)), Math.floor(i / m) % m, i % m),
    );
    if (layout.tileSize !== m) throw new Error('The made-up experiment has one tile a kernel.');
    const shard = encodeTrainTile(layout, values, m, m);
    for (const block of trainBlocks) {
      const array = kernelArrayName(kind, block);
      const key = trainTileKey(id, kernelIndex, { row: 0, col: 0, generation: 1 }, array);
      await api.store.put(key, shard.parts);
      const piece = { key, checksum: shard.checksum };
      await publishTrainTile(api.store, layout, kernelIndex, array, { row: 0, col: 0 }, piece);
    }
    await writeTrainVariances(api.store, layout, kernelIndex, kind, new Float64Array(depths * m).fill(1));
    await writeEigenvalues(
      api.store,
      layout,
      kernelIndex,
      kind,
      new Float64Array(depths * m).map((_, i) => i % m),
    );
  }
  const results = resultArrays(layout).map(({ name, chunkShape }) => {
    const length = chunkShape.reduce((product, side) => product * side, 1);
    return [name, new Float64Array(length).map((_, i) => 10 * kernelIndex + i)] as const;
  });
  await writeResultChunks(api.store, layout, kernelIndex, Object.fromEntries(results));
  const rows = analysisRows(layout, kernelIndex);
  const { text, values } = upsertAnalyses(id, rows, true);
  await api.db.pool.query(text, values);
  await api.db.pool.query(`UPDATE kernels SET state = 'done' WHERE experiment_id = $1 AND index = $2`, [
    id,
    kernelIndex,
  ]);
  await api.db.pool.query(
    `UPDATE experiments SET revision = revision + 1, analyses_done = analyses_done + $2 WHERE id = $1`,
    [id, rows.length],
  );
  await api.db.pool.query(`SELECT pg_notify('tessera_experiment', $1)`, [id]);
}

export async function setState(
  api: RunningApi,
  id: string,
  state: string,
  error: string | null = null,
): Promise<void> {
  await api.db.pool.query(
    `UPDATE experiments SET state = $2, error = $3, revision = revision + 1,
       started_at = COALESCE(started_at, now() - interval '10 seconds'),
       finished_at = CASE WHEN $2 IN ('completed', 'failed', 'cancelled') THEN now() END WHERE id = $1`,
    [id, state, error],
  );
  await api.db.pool.query(`SELECT pg_notify('tessera_experiment', $1)`, [id]);
}

export async function layoutOfExperiment(api: RunningApi, id: string): Promise<ExperimentLayout> {
  return new ExperimentLayouts(api.store).of(await requireExperiment(api, id));
}

function analysisRows(layout: ExperimentLayout, kernelIndex: number): AnalysisRecord[] {
  const { axes } = layout;
  const weightIndex = Math.floor(kernelIndex / axes.biasVariance.length);
  const biasIndex = kernelIndex % axes.biasVariance.length;
  const perKind = axes.weightVariance.length * axes.biasVariance.length * axes.depth.length;
  return axes.kernels.flatMap((kernel, kind) =>
    axes.depth.map((depth, depthIndex) => ({
      ordinal: kind * perKind + kernelIndex * axes.depth.length + depthIndex,
      kernelIndex,
      kernel,
      weightVariance: axes.weightVariance[weightIndex] as number,
      biasVariance: axes.biasVariance[biasIndex] as number,
      depth,
      phase: 'ordered',
      qStar: 0.5,
      cStar: 1,
      chi1: 0.9,
      xi1: 9.5,
      xiStar: null,
      lambdaMax: 12,
      lambdaMin: 0.1,
      lambdaBulk: 1,
      kappa: 12,
      conditionNumber: 120,
      maxLearningRate: 1 / 6,
      trace: 23,
      meanPredictorNorm: 0.25,
      regression: axes.diagReg.map((diagReg) => ({ diagReg, ...scores(diagReg) })),
      dynamics: axes.times.map((time) => ({ time, ...scores(time) })),
      status: 'ok',
      warnings: depth === 5 ? ['xiStar does not exist, it is "null"', 'second'] : [],
    })),
  );
}

const scores = (at: number) => ({ trainAccuracy: 1, testAccuracy: 0.5, trainLoss: at / 100, testLoss: null });
