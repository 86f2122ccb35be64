import {
  defaultProject,
  type ExperimentSpec,
  type ExperimentState,
  type ProjectLimits,
  TesseraError,
  terminalStates,
} from '@tessera/spec';
import type pg from 'pg';
import { type Database, inTransaction, patient } from './connection.js';
import type { Experiment, Prisma } from './generated/client.js';
import { reserveQuota } from './projects.js';

/** Counts of one kind of work. `running` is what is leased at this moment. */
export interface WorkCounts {
  total: number;
  done: number;
  failed: number;
  running: number;
}

/** One experiment as the services see it. `plan` and `provenance` are what the creator stored. */
export interface ExperimentRecord<Plan = unknown> {
  id: string;
  project: string;
  /** The name, or else the id, of the key it was posted with; null: without a key. */
  createdBy: string | null;
  sequence: bigint;
  name: string;
  state: ExperimentState;
  revision: number;
  spec: ExperimentSpec;
  plan: Plan;
  provenance: Record<string, unknown>;
  datasetSha256: string;
  workerFingerprint: string | null;
  aggregatorFingerprint: string | null;
  error: string | null;
  /** Why new work of it waits; null where it does not. */
  paused: string | null;
  progress: {
    tiles: WorkCounts;
    analyses: WorkCounts;
    strips: WorkCounts;
    /** `step`: the steps that trainings in work have reached, together. */
    trainings: WorkCounts & { step: number };
  };
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface NewExperiment {
  id: string;
  /** Default: the default project. */
  project?: string;
  /** The key that it is posted with; left out or null: without one. */
  keyId?: string | null;
  /** Limits of a project that has none of its own; left out: nothing is counted. */
  limits?: ProjectLimits;
  spec: ExperimentSpec;
  plan: {
    kernels: number;
    totals: { tiles: number; analyses: number; strips: number; trainings?: number };
    bytes?: { kept: number };
  };
  provenance: Record<string, unknown>;
  datasetSha256: string;
  /** The request's Idempotency-Key and the hash of its body, when there is one. */
  idempotency: { key: string; bodySha256: string } | null;
  /** W3C traceparent of the request; left out or null: it is not traced. */
  traceParent?: string | null;
  /** What it needs of an engine (spec: `abilityOf`); left out: any engine will do. */
  needs?: string;
  /** Pair-layers of one of its tiles; left out: nobody asks. */
  tileWork?: number;
}

/**
 * Writes an experiment and its kernels in one short transaction and wakes the dispatcher. A known
 * idempotency key (24 hours) with the same body gives the id of the experiment it made.
 * @throws TesseraError idempotency-mismatch when the key came with another body,
 *   unknown-dataset when the data set was deleted in between, quota-exceeded.
 */
export async function createExperiment(
  db: Database,
  made: NewExperiment,
): Promise<{ id: string; created: boolean }> {
  const { project = defaultProject } = made;
  const storedBytes = Math.ceil(made.plan.bytes?.kept ?? 0);
  return inTransaction(db, async (client) => {
    if (made.idempotency) {
      const known = await recallIdempotencyKey(client, made.idempotency, project);
      if (known) return { id: known, created: false };
    }
    // Holds the data set's name against a concurrent DELETE.
    const { rowCount: present } = await client.query(
      `SELECT 1 FROM datasets WHERE name = $1 AND sha256 = $2 AND project IN ($3, '*') FOR SHARE`,
      [made.spec.dataset.id, made.datasetSha256, project],
    );
    if (!present)
      throw new TesseraError('unknown-dataset', `The data set ${made.spec.dataset.id} was deleted.`);
    if (made.limits) await reserveQuota(client, project, made.limits, { experiments: 1, bytes: storedBytes });
    const { tiles, analyses, strips, trainings = 0 } = made.plan.totals;
    await client.query({
      name: 'create-experiment',
      text: `WITH made AS (
        INSERT INTO experiments (id, name, state, spec, plan, provenance, dataset_sha256, numerics, priority,
                                 tiles_total, analyses_total, strips_total, project, stored_bytes, trace_parent,
                                 created_by, needs, tile_work, trainings_total)
        VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                (SELECT COALESCE(NULLIF(name, ''), id) FROM api_keys WHERE id = $15), $16, $17, $19) RETURNING id),
      kernels AS (
        INSERT INTO kernels (experiment_id, index)
        SELECT made.id, i FROM made, generate_series(0, $18::int - 1) AS i)
      SELECT pg_notify('tessera_work', id) FROM made`,
      values: [
        made.id,
        made.spec.name,
        JSON.stringify(made.spec),
        JSON.stringify(made.plan),
        JSON.stringify(made.provenance),
        made.datasetSha256,
        made.spec.numerics,
        made.spec.priority,
        tiles,
        analyses,
        strips,
        project,
        storedBytes,
        made.traceParent ?? null,
        made.keyId ?? null,
        made.needs ?? null,
        made.tileWork ?? null,
        made.plan.kernels,
        trainings,
      ],
    });
    if (made.idempotency) {
      await client.query(
        'INSERT INTO idempotency_keys (project, key, body_sha256, experiment_id) VALUES ($1, $2, $3, $4)',
        [project, made.idempotency.key, made.idempotency.bodySha256, made.id],
      );
    }
    return { id: made.id, created: true };
  });
}

async function recallIdempotencyKey(
  client: pg.PoolClient,
  { key, bodySha256 }: { key: string; bodySha256: string },
  project: string,
): Promise<string | null> {
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `idempotency ${project} ${key}`,
  ]);
  await client.query(`DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'`);
  const { rows } = await client.query<{ body_sha256: string; experiment_id: string }>(
    'SELECT body_sha256, experiment_id FROM idempotency_keys WHERE project = $1 AND key = $2',
    [project, key],
  );
  const known = rows[0];
  if (!known) return null;
  if (known.body_sha256 !== bodySha256) {
    throw new TesseraError(
      'idempotency-mismatch',
      'This Idempotency-Key was used with another body in the last 24 hours. Send a new key.',
    );
  }
  return known.experiment_id;
}

/** The experiment an idempotency key made, if the key is known; throws as `createExperiment` does. */
export async function findByIdempotencyKey(
  db: Database,
  idempotency: { key: string; bodySha256: string },
  project: string = defaultProject,
): Promise<string | null> {
  return inTransaction(db, (client) => recallIdempotencyKey(client, idempotency, project));
}

/** @returns the experiment, or null when there is none of this id. */
export async function findExperiment(db: Database, id: string): Promise<ExperimentRecord | null> {
  const row = await db.prisma.experiment.findUnique({ where: { id } });
  if (!row) return null;
  return toRecord(row, await runningUnits(db, [id]));
}

/** Those of these experiments that are there, by id: two statements, however many. */
export async function findExperiments(
  db: Database,
  ids: readonly string[],
): Promise<Map<string, ExperimentRecord>> {
  if (ids.length === 0) return new Map();
  const rows = await db.prisma.experiment.findMany({ where: { id: { in: [...ids] } } });
  const running = await runningUnits(db, [...ids]);
  return new Map(rows.map((row) => [row.id, toRecord(row, running)]));
}

/**
 * What changes with an experiment, of each of these that is there: its revision and what is leased. Much less than all of
 * it, so that many watched experiments can be looked at often.
 */
export async function experimentSignatures(
  db: Database,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await db.pool.query<{ id: string; revision: number }>({
    name: 'experiment-revisions',
    text: 'SELECT id, revision FROM experiments WHERE id = ANY($1)',
    values: [ids],
  });
  const running = await runningUnits(db, [...ids]);
  return new Map(
    rows.map(({ id, revision }) => [id, experimentSignature(revision, runningOf(running.get(id)))]),
  );
}

/** @param running leased units of train tiles, analyses, strips and trainings */
export const experimentSignature = (revision: number, running: readonly number[]) =>
  [revision, ...running].join(' ');

const runningOf = (now: Record<string, number> | undefined) => [
  now?.train ?? 0,
  now?.analysis ?? 0,
  now?.strip ?? 0,
  now?.training ?? 0,
];

/**
 * Experiments newest first, those of a project or (null, the default) all.
 * @param before the `sequence` of the last one already seen, or null for the first page
 */
export async function listExperiments(
  db: Database,
  query: {
    project?: string | null;
    state: ExperimentState | null;
    before: bigint | null;
    limit: number;
  },
): Promise<ExperimentRecord[]> {
  const where: Prisma.ExperimentWhereInput = {
    ...(query.project && { project: query.project }),
    ...(query.state && { state: query.state }),
    ...(query.before !== null && { sequence: { lt: query.before } }),
  };
  const rows = await db.prisma.experiment.findMany({
    where,
    orderBy: { sequence: 'desc' },
    take: query.limit,
  });
  const running = await runningUnits(
    db,
    rows.filter((row) => row.state === 'running' || row.state === 'cancelling').map((row) => row.id),
  );
  return rows.map((row) => toRecord(row, running));
}

/**
 * Asks for cancellation: no new work from now on, running work stops at its next sub-block.
 * @throws TesseraError not-found, illegal-state
 */
export async function cancelExperiment(db: Database, id: string): Promise<void> {
  await move(
    db,
    id,
    'cancel',
    `UPDATE experiments SET state = 'cancelling', revision = revision + 1
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING id`,
    async (client) => {
      await client.query(`SELECT pg_notify('tessera_cancel', $1), pg_notify('tessera_work', $1)`, [id]);
    },
  );
}

/**
 * Queues again what failed or was not done; what is done stays.
 * @throws TesseraError not-found, illegal-state
 */
export async function retryExperiment(db: Database, id: string): Promise<void> {
  await move(
    db,
    id,
    'retry',
    `UPDATE experiments SET state = 'queued', revision = revision + 1, finished_at = NULL, error = NULL,
            tiles_failed = 0, analyses_failed = 0, strips_failed = 0, trainings_failed = 0
     WHERE id = $1 AND state IN ('failed', 'cancelled') RETURNING id`,
    async (client) => {
      await client.query({
        ...patient,
        text: `UPDATE tasks SET state = 'pending', generation = generation + 1, queued_at = NULL, attempts = 0, expiries = 0
          WHERE experiment_id = $1 AND state IN ('pending', 'failed')`,
        values: [id],
      });
      await client.query(
        `UPDATE kernels SET state = 'active' WHERE experiment_id = $1 AND state = 'failed'`,
        [id],
      );
      await client.query(`SELECT pg_notify('tessera_work', $1)`, [id]);
    },
  );
}

/**
 * Forgets a finished experiment. Its files are the caller's to delete afterwards; what a crash leaves is swept.
 * @throws TesseraError not-found, illegal-state
 */
export async function deleteExperiment(db: Database, id: string): Promise<void> {
  await move(
    db,
    id,
    'delete',
    `DELETE FROM experiments WHERE id = $1 AND state = ANY($2) RETURNING id`,
    async () => {},
    [[...terminalStates]],
  );
}

async function move(
  db: Database,
  id: string,
  verb: 'cancel' | 'retry' | 'delete',
  statement: string,
  then: (client: pg.PoolClient) => Promise<void>,
  parameters: unknown[] = [],
): Promise<void> {
  await inTransaction(db, async (client) => {
    const { rowCount } = await client.query({ ...patient, text: statement, values: [id, ...parameters] });
    if (rowCount) {
      await then(client);
      await client.query(`SELECT pg_notify('tessera_experiment', $1)`, [id]);
      return;
    }
    const { rows } = await client.query<{ state: string }>('SELECT state FROM experiments WHERE id = $1', [
      id,
    ]);
    if (!rows[0]) throw new TesseraError('not-found', `There is no experiment ${id}.`);
    throw new TesseraError('illegal-state', `Cannot ${verb} an experiment that is ${rows[0].state}.`);
  });
}

/** Ids of all experiments: what the sweep of orphan files compares with. */
export async function experimentIds(db: Database): Promise<{ id: string; state: ExperimentState }[]> {
  return (await db.prisma.experiment.findMany({ select: { id: true, state: true } })) as {
    id: string;
    state: ExperimentState;
  }[];
}

/** Leased units by wave, and the steps that trainings have reached. */
type RunningUnits = Map<string, Record<string, number>>;

async function runningUnits(db: Database, ids: string[]): Promise<RunningUnits> {
  const running: RunningUnits = new Map();
  if (ids.length === 0) return running;
  const { rows } = await db.pool.query<{ experiment_id: string; wave: string; units: number; step: number }>(
    `SELECT experiment_id, wave, sum(units)::int AS units, COALESCE(sum(step), 0)::float8 AS step FROM tasks
     WHERE state = 'leased' AND experiment_id = ANY($1) GROUP BY experiment_id, wave`,
    [ids],
  );
  for (const row of rows) {
    const counts = running.get(row.experiment_id) ?? {};
    counts[row.wave] = row.units;
    if (row.wave === 'training') counts.step = row.step;
    running.set(row.experiment_id, counts);
  }
  return running;
}

function toRecord(row: Experiment, running: RunningUnits): ExperimentRecord {
  const now = running.get(row.id);
  return {
    id: row.id,
    project: row.project,
    createdBy: row.createdBy,
    sequence: row.sequence,
    name: row.name,
    state: row.state as ExperimentState,
    revision: row.revision,
    spec: row.spec as unknown as ExperimentSpec,
    plan: row.plan,
    provenance: row.provenance as Record<string, unknown>,
    datasetSha256: row.datasetSha256,
    workerFingerprint: row.workerFingerprint,
    aggregatorFingerprint: row.aggregatorFingerprint,
    error: row.error,
    paused: row.paused,
    progress: {
      tiles: {
        total: row.tilesTotal,
        done: row.tilesDone,
        failed: row.tilesFailed,
        running: now?.train ?? 0,
      },
      analyses: {
        total: row.analysesTotal,
        done: row.analysesDone,
        failed: row.analysesFailed,
        running: now?.analysis ?? 0,
      },
      strips: {
        total: row.stripsTotal,
        done: row.stripsDone,
        failed: row.stripsFailed,
        running: now?.strip ?? 0,
      },
      trainings: {
        total: row.trainingsTotal,
        done: row.trainingsDone,
        failed: row.trainingsFailed,
        running: now?.training ?? 0,
        step: now?.step ?? 0,
      },
    },
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
  };
}
