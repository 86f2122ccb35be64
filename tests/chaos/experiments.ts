import { setTimeout as sleep } from 'node:timers/promises';
import type { TesseraClient } from '@tessera/client';
import { type AnalysisRow, type Experiment, type ExperimentSpecInput, TesseraError } from '@tessera/spec';
import type { Report } from './audit.js';
import { type Seeded, seeded } from './seeded.js';

/** Some hundred tasks of every wave, of a few milliseconds each. */
export const experimentSpec = (dataset: 'cifar10' | 'synthetic'): ExperimentSpecInput => ({
  name: 'chaos',
  dataset: { id: dataset, train: 96, test: 300 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: { from: 1, to: 2.5, count: 6 }, biasVariance: [0.18], depth: [0, 1, 5, 20, 60] },
  kernels: ['ntk', 'nngp'],
  tileSize: 24,
  analysis: { regression: { diagReg: [0, 0.001] }, dynamics: { times: [1, 64] } },
  keep: { kernels: 'all', predictions: true },
});

/** Patient: a loaded machine is no fault. */
const answerWithinMs = 300_000;
const rowKey = ({ kernel, weightVariance, depth }: AnalysisRow) => `${kernel}/${weightVariance}/${depth}`;

/** What the API says of a fault-free run. */
export interface ExpectedAnswers {
  rows: ReadonlyMap<string, string>;
  slices: ReadonlyMap<string, Buffer>;
}

/** Users of the API: they submit, look, cancel, retry and delete, and ask again where no answer comes. */
export class Users {
  readonly #clients: readonly TesseraClient[];
  readonly #spec: ExperimentSpecInput;
  readonly #chance: Seeded;
  readonly #report: Report;
  readonly #prefix: string;
  #asked = 0;
  /** Every acknowledged experiment that was not deleted. */
  readonly acknowledged = new Set<string>();
  readonly deleted = new Set<string>();
  cancels = 0;

  /** @param name of this group of users, unlike any other's on the same stack */
  constructor(
    clients: readonly TesseraClient[],
    spec: ExperimentSpecInput,
    name: string,
    seed: number,
    report: Report,
  ) {
    this.#clients = clients;
    this.#spec = spec;
    this.#chance = seeded(seed);
    this.#report = report;
    this.#prefix = `chaos-${name}`;
  }

  /** Asks one replica after the other until one answers. @throws TesseraError what the API refuses for good */
  async ask<T>(question: (client: TesseraClient) => Promise<T>): Promise<T> {
    const deadline = performance.now() + answerWithinMs;
    for (;;) {
      const client = this.#clients[this.#asked++ % this.#clients.length] as TesseraClient;
      try {
        return await atMost(30_000, question(client));
      } catch (error) {
        if (error instanceof TesseraError && error.status < 500 && !isForWantOfRoom(error)) throw error;
        if (error instanceof TesseraError && error.status >= 500 && error.code !== 'unavailable') {
          this.#report(0, `the API answered ${error.code}: ${error.message}`);
        }
        if (performance.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  async submit(): Promise<string> {
    const idempotencyKey = `${this.#prefix}-${this.acknowledged.size + this.deleted.size}`;
    const { id } = await this.ask((client) => client.createExperiment(this.#spec, { idempotencyKey }));
    this.acknowledged.add(id);
    return id;
  }

  async states(): Promise<Map<string, Experiment>> {
    const states = new Map<string, Experiment>();
    for (const id of this.acknowledged) {
      try {
        states.set(id, await this.ask((client) => client.getExperiment(id)));
      } catch (error) {
        this.#report(1, `experiment ${id} was acknowledged, and then: ${(error as Error).message}`);
      }
    }
    return states;
  }

  /** Cancels a running one, waits until it is cancelled, and has it tried again. */
  async cancelAndRetry(id: string): Promise<void> {
    const isRefusal = (error: unknown) => error instanceof TesseraError && error.code === 'illegal-state';
    try {
      await this.ask((client) => client.cancelExperiment(id));
    } catch (error) {
      // It has ended, or an answer was lost and this is the second time.
      if (!isRefusal(error)) throw error;
    }
    const deadline = performance.now() + answerWithinMs;
    for (;;) {
      const { state } = await this.ask((client) => client.getExperiment(id));
      if (state === 'completed' || state === 'failed') return;
      if (state === 'cancelled') break;
      if (performance.now() > deadline) {
        this.#report(1, `experiment ${id} is still ${state} ${answerWithinMs / 1000} s after its cancel`);
        return;
      }
      await sleep(50);
    }
    this.cancels++;
    await sleep(this.#chance.integer(0, 500));
    await this.ask((client) => client.retryExperiment(id)).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
  }

  async delete(id: string): Promise<void> {
    this.acknowledged.delete(id);
    this.deleted.add(id);
    await this.ask((client) => client.deleteExperiment(id)).catch((error: unknown) => {
      // An answer was lost.
      if (!(error instanceof TesseraError && error.code === 'not-found')) throw error;
    });
  }

  /** What a finished experiment answers. */
  async answersOf(id: string): Promise<ExpectedAnswers> {
    const { items } = await this.ask((client) => client.listAnalyses(id, { limit: 1000 }));
    const slices = new Map<string, Buffer>();
    for (const weightIndex of [0, 1, 2, 3, 4, 5])
      slices.set(String(weightIndex), await this.#slice(id, weightIndex));
    return { rows: new Map(items.map((row) => [rowKey(row), JSON.stringify(row)])), slices };
  }

  /** Compares what an experiment shows, finished or not, with what it must show once it is. */
  async compareAnswers(id: string, expected: ExpectedAnswers): Promise<void> {
    const client = this.#chance.pick(this.#clients);
    const weightIndex = this.#chance.integer(0, 5);
    try {
      const { items } = await atMost(5000, client.listAnalyses(id, { limit: 1000 }));
      for (const row of items) {
        if (expected.rows.get(rowKey(row)) !== JSON.stringify(row))
          this.#report(6, `experiment ${id} shows another row at ${rowKey(row)}: ${JSON.stringify(row)}`);
      }
      const slice = await atMost(5000, this.#slice(id, weightIndex, client));
      if (!expected.slices.get(String(weightIndex))?.equals(slice))
        this.#report(6, `experiment ${id} shows other numbers at weight variance ${weightIndex}`);
    } catch (error) {
      if (!(error instanceof TesseraError) || error.status < 500 || error.code === 'unavailable') return;
      this.#report(0, `the API answered ${error.code}: ${error.message}`);
    }
  }

  async #slice(id: string, weightIndex: number, client?: TesseraClient): Promise<Buffer> {
    const read = async (of: TesseraClient) => {
      const response = await of.openArray(id, 'ntk_train_train', {
        weightVarianceIndex: weightIndex,
        depthIndex: 3,
      });
      return Buffer.from(await response.arrayBuffer());
    };
    return client ? read(client) : this.ask(read);
  }
}

/** The store is full at this moment: a fault of ours. */
const isForWantOfRoom = ({ code, message }: TesseraError) =>
  code === 'plan-too-large' && message.includes(' free');

async function atMost<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
