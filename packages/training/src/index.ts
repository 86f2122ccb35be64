export { empiricalNtk } from './empirical-ntk.js';
export type { NetworkSpec } from './network.js';
export {
  maximalRate,
  type Trained,
  type TrainingHooks,
  type TrainingTask,
  trainNetwork,
} from './train-network.js';
