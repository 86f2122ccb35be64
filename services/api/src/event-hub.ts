/** Who watches which experiment: reads changed experiments together, each once, and tells all of its watchers. */
import {
  type Database,
  experimentSignature,
  experimentSignatures,
  findExperiments,
  type Listener,
  listen,
} from '@tessera/database';
import type { Logger } from '@tessera/telemetry';
import type { PlannedExperiment } from './experiment-view.js';

/** Between two reads of one experiment: its progress comes at most four times a second. That it has begun or ended is told at once. */
const coalesceMs = 250;
/** Notifications are hints; this finds what they missed. */
const pollMs = 2000;
/** Experiments of one read. */
const readAtOnce = 200;

/** Called with every change seen, and with null once the experiment is deleted. Must not throw. */
export type Watcher = (record: PlannedExperiment | null) => void;

interface Watched {
  watchers: Set<Watcher>;
  /** The last read's revision and what is leased; null before the first read. */
  seen: string | null;
  lastReadAt: number;
}

export class EventHub {
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  #listener: Listener | null = null;
  #poll: NodeJS.Timeout | null = null;
  /** Watched experiments of which a change is known that was not read yet. */
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #timerAt = 0;
  #isReading = false;
  #closed = false;

  constructor(db: Database, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  /** Connects. Where Postgres does not answer the poll goes on alone, and the next poll connects again. */
  async start(databaseUrl: string): Promise<void> {
    this.#poll = setInterval(() => {
      void this.#look();
      if (this.#listener === null) void this.#connect(databaseUrl);
    }, pollMs);
    this.#poll.unref();
    await this.#connect(databaseUrl);
  }

  #connecting = false;
  async #connect(databaseUrl: string): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    try {
      const listener = await listen(
        databaseUrl,
        ['tessera_experiment', 'tessera_state'],
        (channel, id) => this.#changed(id, channel === 'tessera_state'),
        {
          onReconnect: () => {
            for (const id of this.#watched.keys()) this.#changed(id);
          },
          onError: (error) =>
            this.#logger.warn({ err: error }, 'lost the connection that listens for changes'),
        },
      );
      if (this.#closed) await listener.close();
      else this.#listener = listener;
    } catch (error) {
      this.#logger.warn({ err: error }, 'cannot listen for changes yet');
    } finally {
      this.#connecting = false;
    }
  }

  /** Calls `watcher` with every change from now on. @returns how to stop */
  watch(id: string, watcher: Watcher): () => void {
    const watched = this.#watched.get(id) ?? { watchers: new Set(), seen: null, lastReadAt: 0 };
    this.#watched.set(id, watched);
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.#watched.get(id) !== watched) return;
      this.#watched.delete(id);
      this.#due.delete(id);
    };
  }

  #changed(id: string, isUrgent = false): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    this.#due.add(id);
    if (isUrgent) watched.lastReadAt = Number.NEGATIVE_INFINITY;
    this.#readIn(Math.max(0, watched.lastReadAt + coalesceMs - performance.now()));
  }

  #mayRead(id: string): boolean {
    return (this.#watched.get(id)?.lastReadAt ?? 0) + coalesceMs <= performance.now();
  }

  /** The sooner counts. */
  #readIn(waitMs: number): void {
    const at = performance.now() + waitMs;
    if (this.#closed || this.#isReading || (this.#timer && this.#timerAt <= at)) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#readDue(), waitMs);
  }

  /** Reads together those that changed and were not read just now. */
  async #readDue(): Promise<void> {
    this.#timer = null;
    this.#isReading = true;
    const ids = [...this.#due].filter((id) => this.#mayRead(id)).slice(0, readAtOnce);
    for (const id of ids) {
      this.#due.delete(id);
      const watched = this.#watched.get(id);
      if (watched) watched.lastReadAt = performance.now();
    }
    try {
      const found = await findExperiments(this.#db, ids);
      for (const id of ids) this.#tell(id, (found.get(id) ?? null) as PlannedExperiment | null);
    } catch (error) {
      this.#logger.warn(
        { err: error, experiments: ids.length },
        'could not read watched experiments; the poll tries again',
      );
    } finally {
      this.#isReading = false;
      const due = [...this.#due];
      if (due.length > 0) this.#readIn(due.some((id) => this.#mayRead(id)) ? 0 : coalesceMs / 5);
    }
  }

  #tell(id: string, record: PlannedExperiment | null): void {
    const watched = this.#watched.get(id);
    const seen = record === null ? 'deleted' : signature(record);
    if (!watched || seen === watched.seen) return;
    watched.seen = seen;
    for (const watcher of [...watched.watchers]) watcher(record);
  }

  /** Asks of all that are watched whether they changed, and reads those that did. */
  async #look(): Promise<void> {
    const ids = [...this.#watched.keys()];
    if (ids.length === 0) return;
    try {
      const found = await experimentSignatures(this.#db, ids);
      for (const id of ids) {
        const { seen } = this.#watched.get(id) ?? {};
        if ((found.get(id) ?? 'deleted') !== seen) this.#changed(id);
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'could not look for changes; the next poll does');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#poll) clearInterval(this.#poll);
    if (this.#timer) clearTimeout(this.#timer);
    this.#watched.clear();
    await this.#listener?.close();
    this.#listener = null;
  }
}

/** What a change that watchers care about changes: leases move `running` without a new revision. */
function signature({
  revision,
  progress: { tiles, analyses, strips, trainings },
}: PlannedExperiment): string {
  return experimentSignature(revision, [tiles.running, analyses.running, strips.running, trainings.running]);
}
