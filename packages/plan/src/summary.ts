import type { ExperimentSpec, PlanSummary } from '@tessera/spec';
import { diskProblem } from './limits.js';
import type { Plan } from './plan.js';

/** What a plan is compared with; null where nobody can tell. */
export interface Room {
  /** What every aggregator may hold at once. */
  aggregatorBytes: number | null;
  /** What the store has free. */
  freeBytes: number | null;
  /** What open experiments are still to write of it. */
  promisedBytes: number;
}

/** What `POST /v1/plans` answers: the plan's sizes and cost, what there is for it, and the spec with its defaults. */
export function planSummary(plan: Plan, spec: ExperimentSpec, room: Room): PlanSummary {
  const disk = diskProblem(plan, room.freeBytes, room.promisedBytes);
  return {
    kernels: plan.kernels,
    ...plan.totals,
    trainings: plan.totals.trainings ?? 0,
    tileSize: plan.tileSize,
    bytes: { kept: plan.bytes.kept, temporary: plan.bytes.temporary, free: room.freeBytes },
    analysis: { mode: plan.analysisMode, bytes: plan.bytes.analysis, memory: room.aggregatorBytes },
    coreSeconds: plan.coreSeconds,
    seconds: plan.seconds,
    warnings: disk === null ? [] : [`It would be refused: ${disk.message}.`],
    spec,
  };
}
