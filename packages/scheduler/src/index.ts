export type { ExperimentHooks } from './advance.js';
export {
  type Dispatcher,
  type DispatcherLog,
  type DispatcherOptions,
  startDispatcher,
} from './dispatcher.js';
export type { Room } from './pause.js';
export type { ReconcileTiming } from './reconcile.js';
