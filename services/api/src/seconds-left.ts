import { terminalStates } from '@tessera/spec';
import type { PlannedExperiment } from './experiment-view.js';

/**
 * Estimated seconds until an experiment ends: the time it has run, scaled by the share of its work that is left.
 * Each wave counts by the cost the plan gives it. Null while nothing is done and where no end is in sight
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
function shareDone({ progress, plan }: PlannedExperiment): number {
  const waves = (['tiles', 'analyses', 'strips'] as const)
    .map((wave) => ({ ...progress[wave], weight: waveWeight(plan, wave) }))
    .filter(({ total }) => total > 0);
  const whole = waves.reduce((sum, { weight }) => sum + weight, 0);
  return whole === 0
    ? 0
    : waves.reduce((sum, { done, total, weight }) => sum + (weight * done) / total, 0) / whole;
}

/** The relative cost of a wave. Kernels pass through all waves in turn, so that equal weights serve many kernels. */
function waveWeight(_plan: PlannedExperiment['plan'], _wave: 'tiles' | 'analyses' | 'strips'): number {
  return 1;
}

/** True once nothing more will happen unless someone asks for a retry. */
export const isTerminal = (state: PlannedExperiment['state']) =>
  (terminalStates as readonly string[]).includes(state);
