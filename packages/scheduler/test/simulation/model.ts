/**
 * The state machine in memory: one function for each fenced statement of packages/database, with its conditions, over the
 * same table of transitions, the same waves and limits. `dropped` leaves one fence out, to see that it is missed.
 */
import { maxAttempts, maxExpiries } from '@tessera/database';
import {
  type ExperimentState,
  experimentTransitions,
  type TaskState,
  taskTransitions,
  type Wave,
  waves,
} from '@tessera/spec';

export type Fence =
  | 'claim: generation'
  | 'claim: pending'
  | 'claim: running'
  | 'accept: generation'
  | 'accept: leased'
  | 'accept: running'
  | 'release: leased'
  | 'advance: count what is done'
  | 'settle: no lease left';

export class Broken extends Error {
  override readonly name = 'Broken';
}

export interface Task {
  id: number;
  experiment: Experiment;
  kernel: Kernel;
  wave: Wave;
  state: TaskState;
  generation: number;
  attempts: number;
  expiries: number;
  queuedAt: number | null;
  leasedUntil: number;
  worker: number | null;
  /** What the invariants know: the generation whose bytes count, null while none do. */
  accepted: number | null;
  isDamaged: boolean;
}

export interface Kernel {
  state: 'waiting' | 'active' | 'done' | 'failed';
  wave: Wave;
  waveTotal: number;
  waveDone: number;
  tasks: Task[];
}

export interface Experiment {
  id: string;
  priority: number;
  state: ExperimentState;
  kernels: Kernel[];
  /** The counter the API shows, of tasks of every wave but finish. */
  done: number;
}

export interface Job {
  task: number;
  generation: number;
}

/** Tasks of each wave of a kernel. */
const sizes: Record<Wave, number> = { train: 3, analysis: 2, strip: 2, training: 2, finish: 1 };

export class Model {
  readonly experiments: Experiment[] = [];
  readonly tasks = new Map<number, Task>();
  readonly #dropped: Fence | null;
  now = 0;
  #ids = 0;

  constructor(dropped: Fence | null = null) {
    this.#dropped = dropped;
  }

  create(priority: number, kernels: number): Experiment {
    const kernel = (): Kernel => ({ state: 'waiting', wave: 'train', waveTotal: 0, waveDone: 0, tasks: [] });
    const experiment: Experiment = {
      id: `e${this.experiments.length}`,
      priority,
      state: 'queued',
      kernels: Array.from({ length: kernels }, kernel),
      done: 0,
    };
    this.experiments.push(experiment);
    return experiment;
  }

  /** dispatch/experiments.ts, dispatch/kernels.ts: as far as it goes without computing. */
  advance(experiment: Experiment, kernelsAtOnce: number): void {
    if (experiment.state === 'cancelling') {
      if (this.#holds('settle: no lease left', !this.#leased(experiment)))
        this.#move(experiment, 'cancelled');
      return;
    }
    if (experiment.state === 'queued') this.#move(experiment, 'running');
    if (experiment.state !== 'running') return;
    for (const kernel of experiment.kernels)
      if (kernel.state === 'active') this.#nextWave(experiment, kernel);
    const open = experiment.kernels.filter(({ state }) => state === 'waiting' || state === 'active');
    if (open.length === 0) {
      if (this.#leased(experiment)) return;
      const hasFailed = experiment.kernels.some(({ state }) => state === 'failed');
      this.#move(experiment, hasFailed ? 'failed' : 'completed');
      return;
    }
    const active = open.filter(({ state }) => state === 'active').length;
    for (const kernel of open.filter(({ state }) => state === 'waiting').slice(0, kernelsAtOnce - active)) {
      kernel.state = 'active';
      this.#enter(experiment, kernel, 'train');
    }
  }

  #nextWave(experiment: Experiment, kernel: Kernel): void {
    while (kernel.wave !== 'finish' && kernel.waveDone >= kernel.waveTotal)
      this.#enter(experiment, kernel, waves[waves.indexOf(kernel.wave) + 1] as Wave);
  }

  #enter(experiment: Experiment, kernel: Kernel, wave: Wave): void {
    const present = kernel.tasks.filter((task) => task.wave === wave);
    for (let index = present.length; index < sizes[wave]; index++) {
      const task: Task = {
        ...{ id: ++this.#ids, experiment, kernel, wave, state: 'pending', generation: 1, attempts: 0 },
        ...{ expiries: 0, queuedAt: null, leasedUntil: 0, worker: null, accepted: null, isDamaged: false },
      };
      this.tasks.set(task.id, task);
      kernel.tasks.push(task);
    }
    kernel.wave = wave;
    kernel.waveTotal = sizes[wave];
    const done = present.filter(({ state }) => state === 'done').length;
    kernel.waveDone = this.#dropped === 'advance: count what is done' ? 0 : done;
  }

  /** dispatch/window.ts */
  ready(experiment: Experiment): Task[] {
    const found: Task[] = [];
    if (experiment.state !== 'running') return found;
    for (const kernel of experiment.kernels) {
      if (kernel.state !== 'active') continue;
      for (const task of kernel.tasks)
        if (task.wave === kernel.wave && task.state === 'pending' && task.queuedAt === null) found.push(task);
    }
    return found;
  }

  take(experiment: Experiment, limit: number): Job[] {
    return this.ready(experiment)
      .slice(0, limit)
      .map((task) => {
        task.queuedAt = this.now;
        return { task: task.id, generation: task.generation };
      });
  }

  longQueued(olderThan: number): Job[] {
    const found: Job[] = [];
    for (const { id, state, queuedAt, generation } of this.tasks.values())
      if (state === 'pending' && queuedAt !== null && queuedAt < this.now - olderThan)
        found.push({ task: id, generation });
    return found;
  }

  unqueue(jobs: readonly Job[]): void {
    for (const { task: id, generation } of jobs) {
      const task = this.tasks.get(id);
      if (!task || task.generation !== generation || task.state !== 'pending' || task.queuedAt === null)
        continue;
      task.queuedAt = null;
      task.generation++;
    }
  }

  /** tasks/claim.ts */
  claim({ task: id, generation }: Job, worker: number, leaseMs: number): boolean {
    const task = this.tasks.get(id);
    if (!task) return false;
    const { experiment, kernel } = task;
    const isClaimable =
      this.#holds('claim: generation', task.generation === generation) &&
      this.#holds('claim: pending', task.state === 'pending') &&
      this.#holds('claim: running', experiment.state === 'running' && kernel.state === 'active') &&
      kernel.wave === task.wave;
    if (!isClaimable) return false;
    if (experiment.state !== 'running') throw new Broken('7: work began for what does not run');
    this.#step(task, 'leased');
    task.worker = worker;
    task.leasedUntil = this.now + leaseMs;
    return true;
  }

  /** tasks/accept.ts */
  accept({ task: id, generation }: Job, worker: number): boolean {
    const task = this.tasks.get(id);
    if (!task) return false;
    const { experiment, kernel } = task;
    const isHeld =
      this.#holds('accept: generation', task.generation === generation && task.worker === worker) &&
      this.#holds('accept: leased', task.state === 'leased') &&
      this.#holds('accept: running', experiment.state === 'running');
    if (!isHeld) return false;
    if (task.wave === 'finish' && (kernel.wave !== 'finish' || kernel.state !== 'active')) return false;
    if (experiment.state !== 'running') throw new Broken('7: accepted after its cancel');
    if (task.accepted !== null) throw new Broken('3: accepted twice');
    if (generation !== task.generation)
      throw new Broken('3: accepted a generation that is not the present one');
    this.#step(task, 'done');
    task.accepted = generation;
    if (kernel.wave === task.wave) kernel.waveDone++;
    if (task.wave !== 'finish') experiment.done++;
    else {
      kernel.state = 'done';
      for (const gone of kernel.tasks) this.tasks.delete(gone.id);
      kernel.tasks = [];
    }
    return true;
  }

  /** tasks/release.ts: given back, failed, or its lease at an end. */
  release(job: Job, worker: number): void {
    this.#return(job, worker, () => 'pending');
  }

  fail(job: Job, worker: number): void {
    this.#return(job, worker, (task) => (++task.attempts >= maxAttempts ? 'failed' : 'pending'));
  }

  expire(): void {
    for (const task of this.tasks.values()) {
      if (task.state !== 'leased' || task.leasedUntil >= this.now) continue;
      this.#giveUp(task, ++task.expiries >= maxExpiries ? 'failed' : 'pending');
    }
  }

  extend(worker: number, leaseMs: number): void {
    for (const task of this.tasks.values())
      if (task.worker === worker && task.state === 'leased') task.leasedUntil = this.now + leaseMs;
  }

  #return({ task: id, generation }: Job, worker: number, to: (task: Task) => 'pending' | 'failed'): void {
    const task = this.tasks.get(id);
    if (!task || task.generation !== generation || task.worker !== worker) return;
    if (!this.#holds('release: leased', task.state === 'leased')) return;
    if (task.state === 'done') throw new Broken('2: what is done was given back');
    this.#giveUp(task, to(task));
  }

  #giveUp(task: Task, to: 'pending' | 'failed'): void {
    this.#step(task, to);
    task.generation++;
    task.queuedAt = null;
    if (to === 'failed') task.kernel.state = 'failed';
  }

  /** tasks/reject.ts: what a reader does that finds damage. */
  reject(task: Task, generation: number): void {
    if (task.generation !== generation || task.state !== 'done') return;
    const { kernel, experiment } = task;
    const to = ++task.attempts >= maxAttempts ? 'failed' : 'pending';
    task.accepted = null;
    task.isDamaged = false;
    this.#giveUp(task, to);
    if (task.wave !== 'finish') experiment.done--;
    if (waves.indexOf(kernel.wave) < waves.indexOf(task.wave)) return;
    kernel.wave = task.wave;
    kernel.waveTotal = sizes[task.wave];
    kernel.waveDone = kernel.tasks.filter(({ wave, state }) => wave === task.wave && state === 'done').length;
  }

  /** experiments.ts */
  cancel(experiment: Experiment): void {
    if (experiment.state === 'queued' || experiment.state === 'running') this.#move(experiment, 'cancelling');
  }

  retry(experiment: Experiment): void {
    if (experiment.state !== 'failed' && experiment.state !== 'cancelled') return;
    this.#move(experiment, 'queued');
    for (const kernel of experiment.kernels) {
      if (kernel.state === 'failed') kernel.state = 'active';
      for (const task of kernel.tasks) {
        if (task.state !== 'pending' && task.state !== 'failed') continue;
        if (task.state === 'failed') this.#step(task, 'pending');
        Object.assign(task, { queuedAt: null, attempts: 0, expiries: 0 });
        task.generation++;
      }
    }
  }

  /** The invariants that a look at the rows can check. */
  check(): void {
    for (const experiment of this.experiments) {
      let done = 0;
      for (const kernel of experiment.kernels) {
        if (kernel.state === 'done') done += sizes.train + sizes.analysis + sizes.strip + sizes.training;
        for (const task of kernel.tasks) {
          if ((task.state === 'done') !== (task.accepted !== null)) throw new Broken('2: done without bytes');
          if (task.state === 'done' && task.wave !== 'finish') done++;
        }
        const counted = kernel.tasks.filter(
          ({ wave, state }) => wave === kernel.wave && state === 'done',
        ).length;
        if (kernel.state === 'active' && kernel.waveDone !== counted)
          throw new Broken("5: a wave's counter is wrong");
      }
      if (done !== experiment.done) throw new Broken('5: the counter is not the recount');
      const hasEnded = ['completed', 'failed', 'cancelled'].includes(experiment.state);
      if (hasEnded && this.#leased(experiment)) throw new Broken('1: it has ended, and a task is leased');
    }
  }

  #leased(experiment: Experiment): boolean {
    return experiment.kernels.some(({ tasks }) => tasks.some(({ state }) => state === 'leased'));
  }

  #holds(fence: Fence, condition: boolean): boolean {
    return condition || this.#dropped === fence;
  }

  #step(task: Task, to: TaskState): void {
    if (!(taskTransitions[task.state] as readonly string[]).includes(to))
      throw new Broken(`3: a task went from ${task.state} to ${to}`);
    task.state = to;
  }

  #move(experiment: Experiment, to: ExperimentState): void {
    if (!(experimentTransitions[experiment.state] as readonly string[]).includes(to))
      throw new Broken(`1: an experiment went from ${experiment.state} to ${to}`);
    experiment.state = to;
  }
}
