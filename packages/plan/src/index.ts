export {
  type AnalysisPlace,
  analysesAt,
  type KernelPlace,
  kernelAt,
  type RowRange,
  type StripPlace,
  stripAt,
  type TilePlace,
  tileAt,
  tileIndex,
} from './indices.js';
export { defaultPlanLimits, type PlanLimits } from './limits.js';
export { type Plan, planExperiment, temporaryBytesAim } from './plan.js';
export type { PlanCounts } from './plan-counts.js';
export { planSummary } from './summary.js';
