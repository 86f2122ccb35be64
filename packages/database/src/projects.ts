/** Projects: whose experiments and data sets there are, and how much they may take. */
import { type ProjectInfo, type ProjectLimits, queueWaves, TesseraError } from '@tessera/spec';
import type pg from 'pg';
import type { Database } from './connection.js';

/** Limits where a project has none of its own; null: none. */
export type DefaultLimits = ProjectLimits;

interface LimitsRow {
  max_running_tiles: number | null;
  max_stored_bytes: string | null;
  max_experiments: number | null;
}

export async function projectExists(db: Database, name: string): Promise<boolean> {
  return (await db.prisma.project.findUnique({ where: { name }, select: { name: true } })) !== null;
}

/** Whose experiment it is; null where there is none of this id. */
export async function projectOf(db: Database, experimentId: string): Promise<string | null> {
  const { rows } = await db.pool.query<{ project: string }>({
    name: 'project-of',
    text: 'SELECT project FROM experiments WHERE id = $1',
    values: [experimentId],
  });
  return rows[0]?.project ?? null;
}

/** Projects by name with what they hold and may hold; only `only` where that is given. */
export async function listProjects(
  db: Database,
  defaults: DefaultLimits,
  only: string | null,
): Promise<ProjectInfo[]> {
  const { rows } = await db.pool.query<
    LimitsRow & { name: string; experiments: number; stored_bytes: string; running_tiles: number }
  >(
    `SELECT p.name, max_running_tiles, max_stored_bytes, max_experiments,
       (SELECT count(*) FROM experiments e WHERE e.project = p.name)::int AS experiments,
       (SELECT count(*) FROM tasks t JOIN experiments e ON e.id = t.experiment_id
        WHERE t.state = 'leased' AND t.wave = ANY($2) AND e.project = p.name)::int AS running_tiles,
       ${storedBytes('p.name')} AS stored_bytes
     FROM projects p WHERE $1::text IS NULL OR p.name = $1 ORDER BY p.name`,
    [only, queueWaves.tiles],
  );
  return rows.map((row) => ({
    name: row.name,
    usage: {
      runningTiles: row.running_tiles,
      storedBytes: Number(row.stored_bytes),
      experiments: row.experiments,
    },
    limits: limitsOf(row, defaults),
  }));
}

/** Sets the limits a project has of its own; null: the setting's. Makes the project where it is not there yet. */
export async function setProjectLimits(db: Database, name: string, limits: ProjectLimits): Promise<void> {
  await db.pool.query(
    `INSERT INTO projects (name, max_running_tiles, max_stored_bytes, max_experiments) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET max_running_tiles = EXCLUDED.max_running_tiles,
       max_stored_bytes = EXCLUDED.max_stored_bytes, max_experiments = EXCLUDED.max_experiments`,
    [name, limits.runningTiles, limits.storedBytes, limits.experiments],
  );
}

/**
 * Makes sure, within the transaction that adds them, that a project may hold more. Projects with a limit are locked, so
 * that two requests do not both take the last place; those without are not.
 * @throws TesseraError quota-exceeded, not-found where there is no such project
 */
export async function reserveQuota(
  client: pg.PoolClient,
  project: string,
  defaults: DefaultLimits,
  added: { experiments: number; bytes: number },
): Promise<void> {
  const columns = 'max_running_tiles, max_stored_bytes, max_experiments';
  let { rows } = await client.query<LimitsRow>(`SELECT ${columns} FROM projects WHERE name = $1`, [project]);
  if (!rows[0]) throw new TesseraError('not-found', `There is no project ${project}.`);
  let limits = limitsOf(rows[0], defaults);
  if (limits.experiments === null && limits.storedBytes === null) return;
  ({ rows } = await client.query<LimitsRow>(`SELECT ${columns} FROM projects WHERE name = $1 FOR UPDATE`, [
    project,
  ]));
  if (!rows[0]) throw new TesseraError('not-found', `There is no project ${project}.`);
  limits = limitsOf(rows[0], defaults);
  const { rows: held } = await client.query<{ experiments: number; bytes: string }>(
    `SELECT (SELECT count(*) FROM experiments WHERE project = $1)::int AS experiments, ${storedBytes('$1')} AS bytes`,
    [project],
  );
  const { experiments, bytes } = held[0] as { experiments: number; bytes: string };
  if (added.experiments > 0 && limits.experiments !== null && experiments >= limits.experiments) {
    throw exceeded(
      `The project ${project} holds ${experiments} experiments; its limit is ${limits.experiments}. Delete some first.`,
    );
  }
  const total = Number(bytes) + added.bytes;
  if (limits.storedBytes !== null && total > limits.storedBytes) {
    throw exceeded(
      `The project ${project} holds ${bytes} bytes, and this would add ${added.bytes}; its limit of stored bytes is ${limits.storedBytes}. Delete experiments or data sets first, or keep less.`,
    );
  }
}

const exceeded = (message: string) => new TesseraError('quota-exceeded', message);

/** What the plans of a project's experiments keep, and what its data sets take. */
const storedBytes = (project: string) =>
  `((SELECT coalesce(sum(stored_bytes), 0) FROM experiments WHERE project = ${project})
  + (SELECT coalesce(sum((manifest->>'bytes')::bigint), 0) FROM datasets WHERE project = ${project}))`;

function limitsOf(row: LimitsRow, defaults: DefaultLimits): ProjectLimits {
  return {
    runningTiles: row.max_running_tiles ?? defaults.runningTiles,
    storedBytes: row.max_stored_bytes === null ? defaults.storedBytes : Number(row.max_stored_bytes),
    experiments: row.max_experiments ?? defaults.experiments,
  };
}
