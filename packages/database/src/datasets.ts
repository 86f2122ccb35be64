import { allProjects, defaultProject, type ProjectLimits, TesseraError } from '@tessera/spec';
import { type Database, inTransaction } from './connection.js';
import { withContents } from './contents-lock.js';
import { reserveQuota } from './projects.js';

/** A named data set. `manifest` is what packages/dataset wrote when it was imported. */
export interface DatasetRecord<Manifest = unknown> {
  /** Whose it is; `*`: shared by all. */
  project: string;
  name: string;
  sequence: bigint;
  sha256: string;
  uploadSha256: string | null;
  manifest: Manifest;
  createdAt: Date;
}

/** The data set that a name means in a project: its own, or one that every project shares. */
export async function findDataset(
  db: Database,
  name: string,
  project: string = defaultProject,
): Promise<DatasetRecord | null> {
  return db.prisma.dataset.findFirst({
    where: { name, project: { in: [project, allProjects] } },
    orderBy: { project: 'desc' },
  });
}

/**
 * Data sets newest first, those a project sees or (project null) all; `before` is the sequence of the last one already
 * seen.
 */
export async function listDatasets(
  db: Database,
  query: { project?: string | null; before: bigint | null; limit: number },
): Promise<DatasetRecord[]> {
  const { project = defaultProject } = query;
  return db.prisma.dataset.findMany({
    where: {
      ...(project !== null && { project: { in: [project, allProjects] } }),
      ...(query.before !== null && { sequence: { lt: query.before } }),
    },
    orderBy: { sequence: 'desc' },
    take: query.limit,
  });
}

/**
 * Gives a name of a project to an imported data set.
 * @returns 'created', or 'same' when the name already holds these contents
 * @throws TesseraError dataset-exists when the name holds other contents, quota-exceeded
 */
export async function nameDataset(
  db: Database,
  made: {
    name: string;
    /** Default: the default project; `*`: every one. */
    project?: string;
    sha256: string;
    uploadSha256: string | null;
    manifest: object;
    /** Limits of a project that has none of its own; left out: nothing is counted. */
    limits?: ProjectLimits;
  },
): Promise<'created' | 'same'> {
  const { name, project = defaultProject, limits } = made;
  const created = await inTransaction(db, async (client) => {
    const { bytes = 0 } = made.manifest as { bytes?: number };
    const { rowCount: known } = await client.query(
      'SELECT 1 FROM datasets WHERE project = $1 AND name = $2',
      [project, name],
    );
    if (!known && limits) await reserveQuota(client, project, limits, { experiments: 0, bytes });
    const { rowCount } = await client.query(
      `INSERT INTO datasets (project, name, sha256, upload_sha256, manifest) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (project, name) DO NOTHING`,
      [project, name, made.sha256, made.uploadSha256, JSON.stringify(made.manifest)],
    );
    return rowCount === 1;
  });
  if (created) return 'created';
  const known = await findDataset(db, name, project);
  if (known?.sha256 === made.sha256) return 'same';
  throw new TesseraError(
    'dataset-exists',
    `The name ${name} holds other bytes. Choose another name, or delete it first.`,
  );
}

/** Points a reserved name at the contents found now; experiments keep the contents they were planned on. */
export async function replaceDataset(
  db: Database,
  made: { name: string; sha256: string; manifest: object },
): Promise<void> {
  await db.pool.query(
    `INSERT INTO datasets (project, name, sha256, manifest) VALUES ('*', $1, $2, $3)
     ON CONFLICT (project, name) DO UPDATE SET sha256 = EXCLUDED.sha256, manifest = EXCLUDED.manifest`,
    [made.name, made.sha256, JSON.stringify(made.manifest)],
  );
}

/**
 * Forgets a name of a project.
 * @returns the contents no other name and no experiment uses any more, to be deleted from the store; else null
 * @throws TesseraError not-found, dataset-in-use
 */
export async function deleteDataset(
  db: Database,
  name: string,
  project: string = defaultProject,
): Promise<string | null> {
  return inTransaction(db, async (client) => {
    const { rows } = await client.query<{ sha256: string }>(
      'SELECT sha256 FROM datasets WHERE project = $1 AND name = $2 FOR UPDATE',
      [project, name],
    );
    const known = rows[0];
    if (!known) throw new TesseraError('not-found', `There is no data set ${name}.`);
    const { rows: users } = await client.query<{ id: string }>(
      `SELECT id FROM experiments WHERE dataset_sha256 = $1 AND project = $2 AND spec #>> '{dataset,id}' = $3
       ORDER BY sequence DESC LIMIT 1`,
      [known.sha256, project, name],
    );
    if (users[0]) {
      throw new TesseraError(
        'dataset-in-use',
        `The experiment ${users[0].id} uses the data set ${name}. Delete it first.`,
      );
    }
    await client.query('DELETE FROM datasets WHERE project = $1 AND name = $2', [project, name]);
    return (await isUsed(client, known.sha256)) ? null : known.sha256;
  });
}

/** Addresses of the contents that a name or an experiment stands for. */
export async function contentsInUse(db: Database): Promise<Set<string>> {
  const { rows } = await db.pool.query<{ sha256: string }>(
    'SELECT sha256 FROM datasets UNION SELECT dataset_sha256 FROM experiments',
  );
  return new Set(rows.map(({ sha256 }) => sha256));
}

/** Has contents removed that nothing stands for any more, or never did. `remove` deletes their files. */
export async function removeUnused(db: Database, sha256: string, remove: () => Promise<void>): Promise<void> {
  // Before waiting for imports: nearly always something does.
  if (await isUsed(db.pool, sha256)) return;
  await withContents(db, 'remove', async () => {
    if (!(await isUsed(db.pool, sha256))) await remove();
  });
}

/** Whether any project's name or any experiment still stands for these contents. */
async function isUsed(client: Pick<Database['pool'], 'query'>, sha256: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT 1 FROM datasets WHERE sha256 = $1 UNION ALL SELECT 1 FROM experiments WHERE dataset_sha256 = $1 LIMIT 1',
    [sha256],
  );
  return rowCount === 1;
}
