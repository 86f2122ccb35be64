export { type AnalysisMode, mostTrain } from './analysis-memory.js';
export { calibrate, type Measured } from './calibrate.js';
export { builtInCosts, type CostTable } from './cost-table.js';
export { type Crew, crewOf, type WorkSeconds } from './estimate.js';
export {
  type AnalysisPlace,
  analysesAt,
  diagonalTiles,
  type KernelPlace,
  kernelAt,
  type RowRange,
  type StripPlace,
  stripAt,
  type TilePlace,
  type TrainingPlace,
  tileAt,
  tileIndex,
  trainingAt,
} from './indices.js';
export { bytesText, defaultPlanLimits, diskProblem, type PlanLimits, refusePlan } from './limits.js';
export { measureSpeed } from './measure-speed.js';
export { type Plan, type PlanOptions, planExperiment, temporaryBytesAim } from './plan.js';
export type { PlanCounts } from './plan-counts.js';
export {
  costsOf,
  isRates,
  type ObservedTraining,
  type Rates,
  type TrainingRates,
  trainingRatesOf,
} from './rates.js';
export { planSummary, type Room } from './summary.js';
export { tileWork } from './tile-work.js';
export { type PlannedNetwork, trainedImages, trainingStepNs } from './training-work.js';
