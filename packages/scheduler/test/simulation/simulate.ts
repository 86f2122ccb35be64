/** One schedule: a seeded adversary against the state machine, in virtual time. */
import { Turns } from '../../src/turns.js';
import { Broken, type Fence, type Job, Model } from './model.js';

const leaseMs = 1000;
const suspiciousMs = 500;
const window = 6;

interface Worker {
  id: number;
  /** Stopped until then: it neither answers nor extends its leases, and goes on as if nothing had been. */
  frozenUntil: number;
  held: { job: Job; doneAt: number }[];
}

export interface Outcome {
  steps: number;
  /** Virtual milliseconds. */
  now: number;
  states: string[];
}

/**
 * Lets chance and faults happen for `steps` steps, then lets the system recover without faults.
 * @throws Broken when an invariant does not hold, or when it does not recover
 */
export function simulate(seed: number, steps: number, dropped: Fence | null = null): Outcome {
  const chance = mulberry32(seed);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(chance() * choices.length)] as T;
  const model = new Model(dropped);
  const turns = new Turns();
  const queue: Job[] = [];
  let workers: Worker[] = [];
  let ids = 0;
  let looks = 0;
  const hire = () => workers.push({ id: ++ids, frozenUntil: 0, held: [] });
  for (let i = 0; i < 3; i++) hire();
  for (const priority of [1, 5]) model.create(priority, 2);

  const dispatch = () => {
    for (const experiment of model.experiments) model.advance(experiment, 2);
    let outstanding = 0;
    for (const { state, queuedAt } of model.tasks.values())
      if (state === 'leased' || (state === 'pending' && queuedAt !== null)) outstanding++;
    const hungry = model.experiments.filter((experiment) => model.ready(experiment).length > 0);
    for (const [id, share] of turns.deal(hungry, window - outstanding)) {
      const experiment = hungry.find((one) => one.id === id);
      if (!experiment) continue;
      const jobs = model.take(experiment, share);
      turns.took(experiment, jobs.length);
      // A crash between the update and the add.
      if (chance() > 0.02) queue.push(...jobs);
    }
    turns.settle(hungry);
  };
  const reconcile = () => {
    model.expire();
    const isKnown = (lost: Job) =>
      queue.some(({ task, generation }) => task === lost.task && generation === lost.generation);
    model.unqueue(model.longQueued(suspiciousMs).filter((job) => !isKnown(job)));
  };
  const work = (worker: Worker, mayFail: boolean) => {
    if (worker.frozenUntil > model.now) return;
    const finished = worker.held.find(({ doneAt }) => doneAt <= model.now);
    if (finished) {
      worker.held.splice(worker.held.indexOf(finished), 1);
      report(worker, finished.job, mayFail);
      return;
    }
    const job = worker.held.length < 2 ? queue.shift() : undefined;
    if (job && model.claim(job, worker.id, leaseMs))
      worker.held.push({ job, doneAt: model.now + Math.floor(chance() * 300) });
    if (mayFail && chance() < 0.3) return;
    model.extend(worker.id, leaseMs);
  };
  const report = (worker: Worker, job: Job, mayFail: boolean) => {
    const luck = mayFail ? chance() : 1;
    if (luck < 0.03) model.fail(job, worker.id);
    else if (!model.accept(job, worker.id) || luck < 0.15) {
      // Not accepted, or its answer was lost: then it is asked again, and given back.
      if (luck < 0.08) model.accept(job, worker.id);
      model.release(job, worker.id);
    }
  };
  const damage = () => {
    const done = [...model.tasks.values()].filter(({ state, attempts }) => state === 'done' && attempts < 2);
    if (done.length === 0) return;
    const task = pick(done);
    const { generation } = task;
    model.reject(task, generation);
    // Of two finders the second has no effect.
    if (chance() < 0.5) model.reject(task, generation);
  };
  const faults: readonly (() => void)[] = [
    () => queue.splice(0),
    () => queue.push(...queue.filter(() => chance() < 0.5)),
    () => {
      // Present and former generations once more.
      for (const { id, generation } of model.tasks.values())
        if (chance() < 0.3) queue.push({ task: id, generation: Math.max(1, generation - pick([0, 1])) });
    },
    () => queue.sort(() => chance() - 0.5),
    () => {
      workers = workers.filter((worker) => worker !== pick(workers));
      while (workers.length < 3) hire();
    },
    () => {
      pick(workers).frozenUntil = model.now + 500 + Math.floor(chance() * 2500);
    },
    damage,
    () => model.cancel(pick(model.experiments)),
    () => model.retry(pick(model.experiments)),
  ];
  const step = (mayFail: boolean) => {
    model.now += 1 + Math.floor(chance() * 60);
    const what = chance();
    if (mayFail && what < 0.06) pick(faults)();
    else if (what < 0.25) dispatch();
    else if (what < 0.35) reconcile();
    else work(pick(workers), mayFail);
    if (mayFail && ++looks % 3 === 0) model.check();
  };

  for (let i = 0; i < steps; i++) step(true);
  const ended = () => model.experiments.every(({ state }) => state === 'completed');
  for (let i = 0; i < 6000 && !ended(); i++) {
    step(false);
    if (i % 50 === 0) for (const experiment of model.experiments) model.retry(experiment);
  }
  model.check();
  const states = model.experiments.map(({ state }) => state);
  if (!ended()) throw new Broken(`10: without faults they are still ${states.join(', ')}`);
  return { steps, now: model.now, states };
}

/** Numbers in [0, 1), the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
