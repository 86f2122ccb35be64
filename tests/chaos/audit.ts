/**
 * What the database itself says: triggers note every change of state, and statements compare counters with recounts.
 * Uses a connection of its own, past the doors that the faults are made at.
 */
import { experimentTransitions, taskTransitions } from '@tessera/spec';
import pg from 'pg';

const schema = `
CREATE SCHEMA chaos;
CREATE TABLE chaos.tasks (
  seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), task bigint NOT NULL,
  experiment_id text NOT NULL, wave text NOT NULL, from_state text NOT NULL, to_state text NOT NULL,
  from_generation int NOT NULL, to_generation int NOT NULL, experiment_state text NOT NULL);
CREATE TABLE chaos.experiments (
  seq bigserial PRIMARY KEY, id text NOT NULL, from_state text NOT NULL, to_state text NOT NULL);
CREATE FUNCTION chaos.note_task() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chaos.tasks (task, experiment_id, wave, from_state, to_state, from_generation, to_generation, experiment_state)
  SELECT NEW.id, NEW.experiment_id, NEW.wave, OLD.state, NEW.state, OLD.generation, NEW.generation, e.state
  FROM experiments e WHERE e.id = NEW.experiment_id;
  RETURN NULL;
END $$;
CREATE FUNCTION chaos.note_experiment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO chaos.experiments (id, from_state, to_state) VALUES (NEW.id, OLD.state, NEW.state);
  RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER UPDATE ON tasks FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.generation IS DISTINCT FROM NEW.generation)
  EXECUTE FUNCTION chaos.note_task();
CREATE TRIGGER chaos_note AFTER UPDATE ON experiments FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION chaos.note_experiment();`;

/** Counters beside recounts, of one moment. Kernels that are done have no task rows: their share is whole. */
const recount = `
SELECT e.id, e.state, e.tiles_total, e.tiles_done, e.tiles_failed, e.analyses_total, e.analyses_done, e.strips_total, e.strips_done,
  k.finished * (e.plan->>'tilesPerKernel')::int + COALESCE(t.train, 0) AS tiles,
  k.finished * (e.plan->>'analysesPerKernel')::int + COALESCE(t.analysis, 0) AS analyses,
  k.finished * (e.plan->>'stripsPerKernel')::int + COALESCE(t.strip, 0) AS strips,
  COALESCE(t.train_failed, 0) AS failed, k.wrong_waves, v.early
FROM experiments e
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE state = 'done')::int AS finished,
    count(*) FILTER (WHERE state = 'active' AND wave_done <> (
      SELECT count(*) FROM tasks WHERE experiment_id = e.id AND kernel_index = kernels.index AND wave = kernels.wave
        AND state = 'done'))::int AS wrong_waves
  FROM kernels WHERE experiment_id = e.id) AS k
CROSS JOIN LATERAL (
  SELECT sum(units) FILTER (WHERE wave = 'train' AND state = 'done')::int AS train,
    sum(units) FILTER (WHERE wave = 'analysis' AND state = 'done')::int AS analysis,
    sum(units) FILTER (WHERE wave = 'strip' AND state = 'done')::int AS strip,
    sum(units) FILTER (WHERE wave = 'train' AND state = 'failed')::int AS train_failed
  FROM tasks WHERE experiment_id = e.id) AS t
CROSS JOIN LATERAL (
  SELECT count(*)::int AS early FROM analyses a JOIN kernels ON kernels.experiment_id = e.id AND kernels.index = a.kernel_index
  WHERE a.experiment_id = e.id AND a.complete AND kernels.state <> 'done') AS v`;

interface Recount {
  id: string;
  state: string;
  tiles_total: number;
  tiles_done: number;
  tiles_failed: number;
  analyses_total: number;
  analyses_done: number;
  strips_total: number;
  strips_done: number;
  tiles: number;
  analyses: number;
  strips: number;
  failed: number;
  wrong_waves: number;
  early: number;
}

interface TaskNote {
  seq: string;
  at: Date;
  task: string;
  experiment_id: string;
  wave: string;
  from_state: keyof typeof taskTransitions;
  to_state: keyof typeof taskTransitions;
  from_generation: number;
  to_generation: number;
  experiment_state: string;
}

interface ExperimentNote {
  seq: string;
  id: string;
  from_state: keyof typeof experimentTransitions;
  to_state: string;
}

/** A done task, and what it left in the store. */
export interface DoneTask {
  id: string;
  generation: number;
  pieces: Record<string, { key: string; checksum: string }> | null;
}

export interface AuditTotals {
  /** Acceptances of train tiles. */
  tiles: number;
  /** Acceptances of tasks of every wave. */
  accepted: number;
  acceptedTwice: number;
  leasesEnded: number;
  /** Done tasks that were sent back. */
  sentBack: number;
  longestStallMs: number;
}

const nothingYet = (): AuditTotals => ({
  tiles: 0,
  accepted: 0,
  acceptedTwice: 0,
  leasesEnded: 0,
  sentBack: 0,
  longestStallMs: 0,
});

/** An invariant of the design, by its number, and what broke it. */
export type Report = (invariant: number, what: string) => void;

export class Audit {
  readonly #report: Report;
  readonly #pool: pg.Pool;
  /** Notes that were read, and may not be deleted yet. */
  readonly #read = new Set<string>();
  /** Task -> its accepted generation, while it is done. */
  readonly #done = new Map<string, number>();
  readonly #everDone = new Set<string>();
  readonly #isExplained: (task: string) => boolean;
  #lastAcceptedAt: number | null = null;
  totals: AuditTotals = nothingYet();

  /** @param isExplained whether the suite itself has damaged what this task left */
  constructor(url: string, report: Report, isExplained: (task: string) => boolean) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 3,
      connectionTimeoutMillis: 5000,
      query_timeout: 20_000,
      application_name: 'chaos',
    });
    this.#pool.on('error', () => {});
    this.#report = report;
    this.#isExplained = isExplained;
  }

  async install(): Promise<void> {
    await this.query(schema);
  }

  /** Counts from here on. */
  startAnew(): void {
    this.totals = nothingYet();
    this.#lastAcceptedAt = null;
  }

  /** Null while Postgres is away. */
  async tryQuery<Row extends object>(text: string, values: unknown[] = []): Promise<Row[] | null> {
    try {
      return await this.query<Row>(text, values);
    } catch {
      return null;
    }
  }

  async query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#pool.query<Row>(text, values)).rows;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** One look at everything: what has changed since the last, and the counters. */
  async look(): Promise<void> {
    await this.#readTasks();
    await this.#readExperiments();
    for (const row of (await this.tryQuery<Recount>(recount)) ?? []) this.#compare(row);
  }

  async #readTasks(): Promise<void> {
    for (const note of await this.#takeNotes<TaskNote>('tasks')) this.#readTask(note);
  }

  /**
   * The notes that were not read yet, in order. Not "those after the last": a transaction that took its number early
   * may commit late. An answer that is lost with Postgres is asked for again.
   */
  async #takeNotes<Note extends { seq: string }>(table: 'tasks' | 'experiments'): Promise<Note[]> {
    const notes = (await this.tryQuery<Note>(`SELECT * FROM chaos.${table} ORDER BY seq`)) ?? [];
    const fresh = notes.filter(({ seq }) => !this.#read.has(`${table}/${seq}`));
    for (const { seq } of fresh) this.#read.add(`${table}/${seq}`);
    const seqs = notes.map(({ seq }) => seq);
    if (seqs.length > 0) await this.tryQuery(`DELETE FROM chaos.${table} WHERE seq = ANY($1)`, [seqs]);
    return fresh;
  }

  #readTask(note: TaskNote): void {
    const { task, from_state: from, to_state: to } = note;
    const name = `task ${task} (${note.wave}), generation ${note.from_generation} -> ${note.to_generation}`;
    if (from !== to && !(taskTransitions[from] as readonly string[]).includes(to))
      this.#report(3, `${name} went from ${from} to ${to}`);
    const isReturned = to === 'pending' && from !== 'pending';
    if (note.to_generation < note.from_generation + (isReturned ? 1 : 0))
      this.#report(3, `${name} came from ${from} to ${to} without a new generation`);
    if (to === 'done') this.#readAcceptance(note, name);
    if (from === 'done') {
      this.#done.delete(task);
      this.totals.sentBack++;
      if (!this.#isExplained(task)) this.#report(2, `${name} was done, and its bytes are not what it left`);
    }
    if (from === 'leased' && isReturned) this.totals.leasesEnded++;
  }

  #readAcceptance(note: TaskNote, name: string): void {
    this.totals.accepted++;
    if (note.wave === 'train') this.totals.tiles++;
    const key = `${note.task}/${note.to_generation}`;
    if (this.#done.has(note.task) || this.#everDone.has(key)) {
      this.totals.acceptedTwice++;
      this.#report(3, `${name} was accepted twice`);
    }
    this.#done.set(note.task, note.to_generation);
    this.#everDone.add(key);
    if (note.experiment_state !== 'running')
      this.#report(7, `${name} was accepted while its experiment was ${note.experiment_state}`);
    const at = note.at.getTime();
    if (this.#lastAcceptedAt !== null)
      this.totals.longestStallMs = Math.max(this.totals.longestStallMs, at - this.#lastAcceptedAt);
    this.#lastAcceptedAt = at;
  }

  async #readExperiments(): Promise<void> {
    for (const { id, from_state, to_state } of await this.#takeNotes<ExperimentNote>('experiments')) {
      if (!(experimentTransitions[from_state] as readonly string[]).includes(to_state))
        this.#report(1, `experiment ${id} went from ${from_state} to ${to_state}`);
    }
  }

  #compare(row: Recount): void {
    const pairs = [
      ['tiles done', row.tiles_done, row.tiles, row.tiles_total],
      ['tiles failed', row.tiles_failed, row.failed, row.tiles_total],
      ['analyses done', row.analyses_done, row.analyses, row.analyses_total],
      ['strips done', row.strips_done, row.strips, row.strips_total],
    ] as const;
    for (const [what, counter, counted, total] of pairs) {
      if (counter !== counted) this.#report(5, `${row.id}: ${counter} ${what}, counted ${counted}`);
      if (counter > total) this.#report(5, `${row.id}: ${counter} ${what} of ${total}`);
    }
    if (row.wrong_waves > 0)
      this.#report(5, `${row.id}: ${row.wrong_waves} kernels count their wave's tasks wrong`);
    if (row.early > 0)
      this.#report(6, `${row.id}: ${row.early} rows are visible before their kernel is done`);
  }
}
