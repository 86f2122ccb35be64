import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExperimentSpecInput } from '@tessera/spec';
import { openFolderStore, sweepOrphans } from '@tessera/store';
import type { QueueBackend } from '@tessera/testkit';
import { Audit, type AuditTotals, type DoneTask, type Report } from './audit.js';
import { type ExpectedAnswers, experimentSpec, Users } from './experiments.js';
import { Faults } from './faults.js';
import { describeFault, type FaultKind, planFaults } from './schedule.js';
import { seeded } from './seeded.js';
import { ChaosStack } from './stack.js';
import { arrayOf, differences, fileChecksum, filesBelow, groupHashes } from './stored.js';

export interface RunOptions {
  seed: number;
  faults: number;
  say: (line: string) => void;
}

export interface Violation {
  /** Of the design; 0: an answer or a process that should not be. */
  invariant: number;
  what: string;
  atMs: number;
}

/** What came of a run. */
export interface RunResult extends AuditTotals {
  seed: number;
  backend: QueueBackend;
  faults: Partial<Record<FaultKind, number>>;
  /** Faults that found nothing they could happen to. */
  missed: number;
  experiments: number;
  cancels: number;
  tilesLost: number;
  arraysCompared: number;
  arraysDiffer: number;
  /** From the last fault's end to the last experiment's. */
  recoveryMs: number;
  seconds: number;
  /** Ends of processes that no fault asked for: a start while Postgres is away, mostly. */
  unaskedEnds: number;
  violations: Violation[];
  /** Kept where something was violated. */
  folder: string | null;
}

/** Experiments that are open at a time while faults happen. */
const openAtOnce = 2;
const recoverWithinMs = 400_000;
const lookEveryMs = 400;

/** A stack, and what a fault-free experiment leaves and answers on it. Serves several runs, one after the other. */
export class Cluster {
  readonly stack: ChaosStack;
  readonly audit: Audit;
  readonly spec: ExperimentSpecInput;
  /** Task -> how often what it left was damaged by the suite. */
  readonly damages = new Map<string, number>();
  expected: ReadonlyMap<string, string> = new Map();
  answers: ExpectedAnswers = { rows: new Map(), slices: new Map() };
  /** Of the run that goes on. */
  report: Report = (invariant, what) => {
    throw new Error(`invariant ${invariant} does not hold without faults: ${what}`);
  };

  private constructor(stack: ChaosStack, images: string | null) {
    this.stack = stack;
    this.spec = experimentSpec(images === null ? 'synthetic' : 'cifar10');
    this.audit = new Audit(
      stack.postgres.url,
      (invariant, what) => this.report(invariant, what),
      (task) => this.damages.has(task),
    );
  }

  /** @param images a folder with CIFAR-10; null: synthetic images */
  static async start(backend: QueueBackend, images: string | null): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-chaos-'));
    const cluster = new Cluster(await ChaosStack.start(folder, backend, images), images);
    try {
      await cluster.audit.install();
      await cluster.stack.untilReady();
      await cluster.#learn();
    } catch (error) {
      await cluster.stop(true);
      throw error;
    }
    return cluster;
  }

  /** @param keep leaves the folder, for whoever looks for a cause */
  async stop(keep: boolean): Promise<void> {
    await this.audit.close();
    await this.stack.stop(keep);
  }

  async #learn(): Promise<void> {
    const users = new Users(this.stack.clients, this.spec, 'fault-free', 0, this.report);
    const id = await users.submit();
    while ((await users.ask((client) => client.getExperiment(id))).state !== 'completed') await sleep(100);
    this.expected = await groupHashes(this.stack.store, id);
    this.answers = await users.answersOf(id);
    if (this.expected.size === 0) throw new Error('the fault-free experiment left nothing');
    await users.delete(id);
    await this.audit.look();
  }
}

/** Lets the faults of a seed happen while users keep experiments open, each of which is compared to the byte. */
export async function run(cluster: Cluster, options: RunOptions): Promise<RunResult> {
  const { seed, say } = options;
  const { stack, audit } = cluster;
  const started = performance.now();
  const violations: Violation[] = [];
  const seen = new Set<string>();
  cluster.report = (invariant, what) => {
    const kind = what.replace(/[0-9a-f-]{36}/, 'ID');
    if (seen.has(kind)) return;
    seen.add(kind);
    violations.push({ invariant, what, atMs: Math.round(performance.now() - started) });
    say(`VIOLATED ${invariant}: ${what}`);
  };
  audit.startAnew();
  for (const service of stack.services) service.ends.length = 0;
  const users = new Users(stack.clients, cluster.spec, `${started}`, seed, cluster.report);
  const chaos = new Chaos(cluster, users, options);
  await chaos.disturb();
  await chaos.recover();
  await chaos.compare();
  await chaos.sweep();
  const experiments = users.acknowledged.size + users.deleted.size;
  await chaos.leaveNothing();
  return {
    seed,
    backend: stack.backend,
    ...chaos.result,
    ...audit.totals,
    experiments,
    cancels: users.cancels,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    unaskedEnds: stack.services.reduce((sum, service) => sum + service.ends.length, 0),
    violations,
    folder: violations.length > 0 ? stack.folder : null,
  };
}

class Chaos {
  readonly #stack: ChaosStack;
  readonly #audit: Audit;
  readonly #users: Users;
  readonly #cluster: Cluster;
  readonly #options: RunOptions;
  #isOver = false;
  #watching: Promise<void> = Promise.resolve();
  readonly result = {
    faults: {} as Partial<Record<FaultKind, number>>,
    missed: 0,
    tilesLost: 0,
    arraysCompared: 0,
    arraysDiffer: 0,
    recoveryMs: 0,
  };

  constructor(cluster: Cluster, users: Users, options: RunOptions) {
    this.#cluster = cluster;
    this.#stack = cluster.stack;
    this.#audit = cluster.audit;
    this.#users = users;
    this.#options = options;
  }

  /** Lets every fault of the schedule happen while users keep experiments open. */
  async disturb(): Promise<void> {
    const { seed, faults: count, say } = this.#options;
    const schedule = planFaults(seed, count, this.#stack.backend);
    const faults = new Faults(this.#stack, this.#audit, this.#cluster.damages);
    const started = performance.now();
    let isDone = false;
    this.#watching = this.#watch().catch((error: Error) =>
      this.#cluster.report(0, `watching: ${error.stack}`),
    );
    const working = this.#work(() => isDone).catch((error: Error) =>
      this.#cluster.report(0, `a user got no answer: ${error.message}`),
    );
    const happening: Promise<void>[] = [];
    for (const fault of schedule) {
      await sleep(Math.max(0, started + fault.atMs - performance.now()));
      happening.push(
        faults.inject(fault).then((hasHit) => {
          say(`${describeFault(fault)}${hasHit ? '' : ' - nothing to hit'}`);
          if (hasHit) this.result.faults[fault.kind] = (this.result.faults[fault.kind] ?? 0) + 1;
          else this.result.missed++;
        }),
      );
    }
    await Promise.all(happening);
    isDone = true;
    await working;
  }

  /** Waits until every acknowledged experiment has ended, without a further fault. */
  async recover(): Promise<void> {
    const started = performance.now();
    await this.#untilEnded(recoverWithinMs);
    this.result.recoveryMs = Math.round(performance.now() - started);
    this.#isOver = true;
    await this.#watching;
    await this.#audit.look();
    for (const [id, { state, error, progress }] of await this.#users.states()) {
      if (state !== 'completed') this.#cluster.report(1, `experiment ${id} ended ${state}: ${error}`);
      this.result.tilesLost += progress.tiles.total - progress.tiles.done;
    }
    const left = await this.#audit.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM tasks WHERE experiment_id = ANY($1)',
      [[...this.#users.acknowledged]],
    );
    if (left[0]?.n) this.#cluster.report(10, `${left[0].n} tasks are left of experiments that have ended`);
  }

  /** Compares every array of every experiment with the fault-free ones. */
  async compare(): Promise<void> {
    for (const id of this.#users.acknowledged) await this.#compareGroup(id);
  }

  /** What the sweep leaves belongs to somebody. */
  async sweep(): Promise<void> {
    const store = await openFolderStore(this.#stack.store);
    const known = new Set(this.#users.acknowledged);
    const contents = new Set(await store.listChildren('datasets'));
    await sweepOrphans(store, async () => ({ known, finished: known, contents }));
    await store.deleteAbandonedWrites(0);
    for (const file of await filesBelow(join(this.#stack.store, 'experiments'))) {
      const [, id, kind] = /^([^/]+)\.(zarr|tmp)\//.exec(file) ?? [];
      if (!id || !known.has(id) || kind !== 'zarr' || !this.#cluster.expected.has(file.slice(id.length + 6)))
        this.#cluster.report(9, `${file} outlives the sweep`);
    }
  }

  /** Deletes every experiment; of what is deleted no file is left. */
  async leaveNothing(): Promise<void> {
    for (const [id, { state }] of await this.#users.states())
      if (state === 'completed') await this.#users.delete(id);
    // One that has not ended was reported.
    if (this.#users.acknowledged.size > 0) return;
    const left = await filesBelow(join(this.#stack.store, 'experiments'));
    if (left.length > 0)
      this.#cluster.report(9, `${left.length} files outlive their deletion: ${left.slice(0, 3)}`);
  }

  async #untilEnded(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const states = [...(await this.#users.states()).values()];
      const open = states.filter(({ state }) => !['completed', 'failed', 'cancelled'].includes(state));
      if (open.length === 0) return;
      if (performance.now() > deadline) {
        for (const { id, state, progress } of open)
          this.#cluster.report(10, `experiment ${id} is still ${state}, ${JSON.stringify(progress)}`);
        return;
      }
      await sleep(150);
    }
  }

  /** Users: they keep experiments open, and now and then cancel one, or delete one that has ended. */
  async #work(isDone: () => boolean): Promise<void> {
    const chance = seeded(this.#options.seed + 1);
    while (!isDone()) {
      const states = await this.#users.states();
      const open = [...states.values()].filter(({ state }) => state === 'queued' || state === 'running');
      if (open.length < openAtOnce) await this.#users.submit();
      else if (chance.number() < 0.02) await this.#users.cancelAndRetry(chance.pick(open).id);
      const ended = [...states.values()].filter(({ state }) => state === 'completed');
      if (ended.length > 2 && chance.number() < 0.1) {
        const { id } = chance.pick(ended);
        await this.#compareGroup(id);
        await this.#users.delete(id);
      }
      await sleep(200);
    }
  }

  async #watch(): Promise<void> {
    const chance = seeded(this.#options.seed + 2);
    while (!this.#isOver) {
      await this.#audit.look();
      await this.#verifyDoneTasks(chance.integer(0, 9999));
      const ids = [...this.#users.acknowledged];
      if (ids.length > 0)
        await this.#users.compareAnswers(chance.pick(ids.slice(-openAtOnce)), this.#cluster.answers);
      await sleep(lookEveryMs);
    }
  }

  /** Reads what a few done tasks left, and compares it with their checksums. */
  async #verifyDoneTasks(offset: number): Promise<void> {
    const sample = `SELECT id, generation, pieces FROM tasks WHERE state = 'done' AND pieces IS NOT NULL`;
    const tasks = await this.#audit.tryQuery<DoneTask>(`${sample} ORDER BY (id * 7919 + $1) % 1009 LIMIT 8`, [
      offset,
    ]);
    for (const { id, generation, pieces } of tasks ?? []) {
      for (const { key, checksum } of Object.values(pieces ?? {})) {
        const actual = await fileChecksum(join(this.#stack.store, key));
        if (actual === checksum || this.#cluster.damages.has(id)) continue;
        // Dropped in between, with its kernel.
        const still = await this.#audit.tryQuery<DoneTask>(`${sample} AND id = $1 AND generation = $2`, [
          id,
          generation,
        ]);
        if (still?.length)
          this.#cluster.report(2, `task ${id} is done, and ${key} has ${actual}, not ${checksum}`);
      }
    }
  }

  async #compareGroup(id: string): Promise<void> {
    const actual = await groupHashes(this.#stack.store, id);
    const differing = differences(this.#cluster.expected, actual);
    this.result.arraysCompared += new Set([...this.#cluster.expected.keys()].map(arrayOf)).size;
    this.result.arraysDiffer += new Set(differing.map(arrayOf)).size;
    if (differing.length > 0)
      this.#cluster.report(
        4,
        `experiment ${id} differs in ${differing.length} files: ${differing.slice(0, 8)}`,
      );
  }
}
