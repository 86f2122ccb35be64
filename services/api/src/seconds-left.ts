import { defaultPlanLimits, type PlanLimits, planExperiment } from '@tessera/plan';
import { type ImageShape, terminalStates } from '@tessera/spec';
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
function shareDone(record: PlannedExperiment): number {
  const cost = waveSeconds(record);
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

const noLimits = Object.fromEntries(
  Object.keys(defaultPlanLimits).map((name) => [name, Number.POSITIVE_INFINITY]),
) as unknown as PlanLimits;

/**
 * Core-seconds of each wave, as differences of plans: strips are what test images add, tiles are what the network
 * adds to the cheapest one.
 */
function waveSeconds({
  spec,
  plan,
  provenance,
}: PlannedExperiment): Record<'tiles' | 'analyses' | 'strips', number> {
  const { classes, shape } = provenance.dataset as { classes: number; shape: ImageShape };
  const counts = { train: plan.trainCount, test: 0, classes, shape };
  const withoutTest = planExperiment(spec, counts, noLimits).coreSeconds;
  const architecture = { ...spec.architecture, family: 'fcn', activation: { name: 'identity' } } as const;
  const analyses = planExperiment({ ...spec, architecture }, counts, noLimits).coreSeconds;
  return {
    tiles: Math.max(0, withoutTest - analyses),
    analyses,
    strips: Math.max(0, plan.coreSeconds - withoutTest),
  };
}

/** True once nothing more will happen unless someone asks for a retry. */
export const isTerminal = (state: PlannedExperiment['state']) =>
  (terminalStates as readonly string[]).includes(state);
