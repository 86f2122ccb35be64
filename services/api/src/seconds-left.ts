import { progressWaves, terminalStates, trainingOf } from '@tessera/spec';
import type { PlannedExperiment } from './experiment-view.js';

/**
 * Estimated seconds until an experiment ends: the time it has run, scaled by the share of its work that is left.
 * Each wave counts by the cost the plan gives it, a finish with the analyses. Null while nothing is done and where no end is in sight
 * (queued, cancelling, failed, cancelled); 0 when completed.
 */
export function estimateSecondsLeft(record: PlannedExperiment, now: Date): number | null {
  if (record.state === 'completed') return 0;
  if (record.state !== 'running' || record.startedAt === null) return null;
  const share = shareDone(record);
  if (share <= 0) return null;
  const elapsed = Math.max(0, (now.getTime() - record.startedAt.getTime()) / 1000);
  return Math.round(10 * elapsed * (1 / share - 1)) / 10;
}

/** The share of the work that is done, 0..1. */
function shareDone(record: PlannedExperiment): number {
  const { tiles, analyses, strips, finishes, trainings = 0 } = record.plan.workSeconds;
  const cost = { tiles, analyses: analyses + finishes, strips, trainings };
  let whole = 0;
  let done = 0;
  for (const wave of progressWaves) {
    const progress = record.progress[wave];
    if (progress.total === 0) continue;
    whole += cost[wave];
    done += (cost[wave] * (progress.done + (wave === 'trainings' ? begun(record) : 0))) / progress.total;
  }
  return whole === 0 ? 0 : done / whole;
}

/** What is done of networks in work, in networks. */
function begun({ spec, progress }: PlannedExperiment): number {
  return progress.trainings.step / (trainingOf(spec)?.steps ?? 1);
}

/** True once nothing more will happen unless someone asks for a retry. */
export const isTerminal = (state: PlannedExperiment['state']) =>
  (terminalStates as readonly string[]).includes(state);
