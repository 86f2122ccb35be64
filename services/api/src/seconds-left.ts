import { terminalStates } from '@tessera/spec';
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
  const { tiles, analyses, strips, finishes } = record.plan.workSeconds;
  const cost = { tiles, analyses: analyses + finishes, strips };
  let whole = 0;
  let done = 0;
  for (const wave of ['tiles', 'analyses', 'strips'] as const) {
    const progress = record.progress[wave];
    if (progress.total === 0) continue;
    whole += cost[wave];
    done += (cost[wave] * progress.done) / progress.total;
  }
  return whole === 0 ? 0 : done / whole;
}

/** True once nothing more will happen unless someone asks for a retry. */
export const isTerminal = (state: PlannedExperiment['state']) =>
  (terminalStates as readonly string[]).includes(state);
