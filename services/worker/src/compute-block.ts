import type { ImageBlock, TileResult, TileTask } from '@tessera/engine';
import type { OpenedExperiment } from '@tessera/experiment';
import { kernelAt } from '@tessera/plan';
import type { Computation } from './computation.js';

/**
 * Computes one block of image pairs of a kernel on one core, which the caller holds: all depths and both kinds in one pass.
 * @param images `cols` null: a symmetric tile; `into`: an earlier result of the same size, written over
 */
export function computeBlock(
  { engine }: Pick<Computation, 'engine'>,
  { spec, plan, referenceVariance }: OpenedExperiment,
  kernelIndex: number,
  arrays: Pick<TileTask, 'arrays' | 'arraysRead'>,
  images: { rows: ImageBlock; cols: ImageBlock | null; into?: TileResult | undefined },
  signal: AbortSignal,
): Promise<TileResult> {
  const { weightVariance, biasVariance } = kernelAt(plan, kernelIndex);
  const { architecture, kernels, precision } = spec;
  const { rows, cols, into } = images;
  const network = { architecture, weightVariance, biasVariance, depths: plan.axes.depth };
  const wanted = { kernels, ...arrays, precision, referenceVariance };
  return engine.computeTile({ ...network, ...wanted, rows, cols }, signal, into);
}
