export { empiricalNtk } from './empirical-ntk.js';
export type { NetworkSpec } from './network.js';
export {
  maximalRate,
  type Predicted,
  type Trained,
  type TrainingHooks,
  type TrainingTask,
  trainNetwork,
} from './train-network.js';
export { type ThreadEnd, type ThreadHooks, trainOnThread } from './train-on-thread.js';
export type { TrainingBackend, TrainingEnd, TrainingJob } from './training-job.js';
