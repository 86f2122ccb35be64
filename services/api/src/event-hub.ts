/** Who watches which experiment: reads a changed experiment once and tells all of its watchers. */
import { type Database, findExperiment, type Listener, listen } from '@tessera/database';
import type { Logger } from '@tessera/telemetry';
import type { PlannedExperiment } from './experiment-view.js';

/** Between two reads of one experiment: its progress comes at most four times a second. */
const coalesceMs = 250;
/** Notifications are hints; this finds what they missed. */
const pollMs = 2000;

/** Called with every change seen, and with null once the experiment is deleted. Must not throw. */
export type Watcher = (record: PlannedExperiment | null) => void;

interface Watched {
  watchers: Set<Watcher>;
  /** The last read's revision and what is leased; null before the first read. */
  seen: string | null;
  lastReadAt: number;
  timer: NodeJS.Timeout | null;
  reading: boolean;
  /** Something changed while a read was under way. */
  again: boolean;
}

export class EventHub {
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  #listener: Listener | null = null;
  #poll: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(db: Database, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  /** Connects. Where Postgres does not answer the poll goes on alone, and the next poll connects again. */
  async start(databaseUrl: string): Promise<void> {
    this.#poll = setInterval(() => {
      for (const id of this.#watched.keys()) this.#changed(id);
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
        ['tessera_experiment'],
        (_channel, id) => this.#changed(id),
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
    const watched = this.#watched.get(id) ?? {
      watchers: new Set(),
      seen: null,
      lastReadAt: 0,
      timer: null,
      reading: false,
      again: false,
    };
    this.#watched.set(id, watched);
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.#watched.get(id) !== watched) return;
      if (watched.timer) clearTimeout(watched.timer);
      this.#watched.delete(id);
    };
  }

  #changed(id: string): void {
    const watched = this.#watched.get(id);
    if (!watched || watched.timer) return;
    if (watched.reading) {
      watched.again = true;
      return;
    }
    const wait = Math.max(0, watched.lastReadAt + coalesceMs - performance.now());
    watched.timer = setTimeout(() => void this.#read(id, watched), wait);
  }

  async #read(id: string, watched: Watched): Promise<void> {
    watched.timer = null;
    watched.reading = true;
    watched.lastReadAt = performance.now();
    try {
      const record = (await findExperiment(this.#db, id)) as PlannedExperiment | null;
      const seen = record === null ? 'deleted' : signature(record);
      if (seen !== watched.seen) {
        watched.seen = seen;
        for (const watcher of [...watched.watchers]) watcher(record);
      }
    } catch (error) {
      this.#logger.warn(
        { err: error, experiment: id },
        'could not read a watched experiment; the poll tries again',
      );
    } finally {
      watched.reading = false;
      if (watched.again) {
        watched.again = false;
        this.#changed(id);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#poll) clearInterval(this.#poll);
    for (const watched of this.#watched.values()) if (watched.timer) clearTimeout(watched.timer);
    this.#watched.clear();
    await this.#listener?.close();
    this.#listener = null;
  }
}

/** What a change that watchers care about changes: leases move `running` without a new revision. */
function signature({ revision, progress }: PlannedExperiment): string {
  return [revision, progress.tiles.running, progress.analyses.running, progress.strips.running].join(' ');
}
