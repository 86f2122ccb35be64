export {
  type Asymptotic,
  type Asymptotics,
  type AsymptoticsRequest,
  asymptotics,
  type SpectrumAsymptotics,
} from './asymptotics.js';
export {
  type CorrelationFixedPoint,
  correlationFixedPoint,
  correlationIterates,
  criticalTolerance,
} from './correlation-map.js';
export { criticalWeightVariance } from './critical-line.js';
export type { Dual, VarianceShape } from './duals/dual.js';
export { dual } from './duals/for-activation.js';
export { tanhNodes } from './duals/tanh.js';
export { type EntryLimits, type KernelLimits, kernelLimits, storedKernelLimits } from './kernel-limits.js';
export { type MeanField, meanField } from './mean-field.js';
export { type TheoryPoints, theoryRows } from './theory-rows.js';
export {
  type VarianceFixedPoint,
  type VarianceMap,
  varianceFixedPoint,
  varianceMap,
} from './variance-map.js';
