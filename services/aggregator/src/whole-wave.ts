import { type Database, type DoneTask, doneTasks } from '@tessera/database';
import { NotYet, type OpenedExperiment } from '@tessera/experiment';
import type { Plan } from '@tessera/plan';

const taskCount = {
  train: (plan: Plan) => plan.tilesPerKernel,
  analysis: (plan: Plan) => plan.analysisTasksPerKernel,
  strip: (plan: Plan) => plan.stripsPerKernel,
} as const;

/**
 * The done tasks of a wave of a kernel, in index order, and all of them. A finish that goes on late may find its kernel
 * sent back, or done by another and its task rows gone: it must not publish gaps over what is there.
 * @throws NotYet when one is missing
 */
export async function wholeWave(
  db: Database,
  { id, plan }: OpenedExperiment,
  kernelIndex: number,
  wave: keyof typeof taskCount,
): Promise<DoneTask[]> {
  const tasks = await doneTasks(db, id, kernelIndex, wave);
  if (tasks.length !== taskCount[wave](plan)) throw new NotYet(`wave ${wave} of this kernel is not done`);
  return tasks;
}
