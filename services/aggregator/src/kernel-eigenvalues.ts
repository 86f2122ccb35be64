import { predictorLength, solutionColumns } from '@tessera/analysis';
import { type OpenedExperiment, readAnalysisPiece, sendBackIfDamaged } from '@tessera/experiment';
import { analysesAt } from '@tessera/plan';
import type { KernelName } from '@tessera/spec';
import { eigenvalueCount } from '@tessera/store';
import type { Aggregation } from './aggregation.js';
import { wholeWave } from './whole-wave.js';

/**
 * Eigenvalues of each kind of a kernel, (depths, eigenvalues) row-major, from the pieces of its analyses.
 * @throws NotYet
 */
export async function collectEigenvalues(
  { db, store }: Aggregation,
  experiment: OpenedExperiment,
  kernelIndex: number,
): Promise<Map<KernelName, Float64Array>> {
  const { id, spec, plan, subset, layout } = experiment;
  const { dynamics, regression } = spec.analysis;
  const { columns } = solutionColumns(dynamics?.times ?? [], regression?.diagReg ?? [], subset.classes);
  const size = eigenvalueCount(layout);
  const lengths = { eigenvalues: size, predictor: predictorLength(plan.trainCount, columns) };
  const collected = new Map(
    spec.kernels.map((kernel) => [kernel, new Float64Array(plan.axes.depth.length * size)]),
  );
  for (const task of await wholeWave(db, experiment, kernelIndex, 'analysis')) {
    const batch = analysesAt(plan, spec, task.index);
    await sendBackIfDamaged(db, { experimentId: id, kernelIndex, wave: 'analysis' }, task, async () => {
      for (const [position, { kernel, depthIndex }] of batch.entries()) {
        const place = { position, count: batch.length };
        const { eigenvalues } = await readAnalysisPiece(store, task, place, lengths);
        collected.get(kernel)?.set(eigenvalues, depthIndex * size);
      }
    });
  }
  return collected;
}
