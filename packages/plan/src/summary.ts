import type { ExperimentSpec, PlanSummary } from '@tessera/spec';
import type { Plan } from './plan.js';

/** What `POST /v1/plans` answers: the plan's sizes and cost, and the spec with its defaults. */
export function planSummary(plan: Plan, spec: ExperimentSpec): PlanSummary {
  return {
    kernels: plan.kernels,
    ...plan.totals,
    tileSize: plan.tileSize,
    bytes: { kept: plan.bytes.kept, temporary: plan.bytes.temporary },
    coreSeconds: plan.coreSeconds,
    spec,
  };
}
