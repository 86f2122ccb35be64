/** The machines that would do the work: what their processes measured, what memory and disk there is. */
import { availableParallelism } from 'node:os';
import { livingWorkers, promisedBytes, workerSilenceMs } from '@tessera/database';
import {
  costsOf,
  crewOf,
  isRates,
  type PlanOptions,
  type Rates,
  type Room,
  temporaryBytesAim,
} from '@tessera/plan';
import type { AppContext } from './app-context.js';

/** What a plan is made by and compared with at this moment. */
export interface Machines {
  options: PlanOptions;
  room: Room;
}

type Context = Pick<AppContext, 'db' | 'store' | 'settings'>;

/** What is being read, for those who ask meanwhile: of fifty that post at once, few ask the database. */
const reading = new WeakMap<Context, Promise<Machines>>();

/** The machines as they are now, or were when somebody else asked a moment ago and has no answer yet. */
export function readMachines(context: Context): Promise<Machines> {
  const running = reading.get(context);
  if (running) return running;
  const started = askMachines(context).finally(() => reading.delete(context));
  reading.set(context, started);
  return started;
}

/**
 * Asks the living workers' rows and the store. Any aggregator may get any analysis, so that the one with the least
 * memory counts; where none lives, this process's own setting stands for it.
 */
async function askMachines({ db, store, settings }: Context): Promise<Machines> {
  const [workers, freeBytes, promised] = await Promise.all([
    livingWorkers(db, workerSilenceMs),
    store.freeBytes(),
    promisedBytes(db, temporaryBytesAim),
  ]);
  const measured = workers.flatMap(({ role, rates }) => (isRates(rates) ? [{ role, rates }] : []));
  const rates: Rates[] = measured.map((one) => one.rates);
  const stated = rates.flatMap(({ memoryBytes }) => memoryBytes ?? []);
  const aggregatorBytes = stated.length > 0 ? Math.min(...stated) : settings.aggregatorMemory;
  return {
    options: { aggregatorBytes, costs: costsOf(rates), crew: crewOf(measured, availableParallelism()) },
    room: { aggregatorBytes, freeBytes, promisedBytes: promised },
  };
}
