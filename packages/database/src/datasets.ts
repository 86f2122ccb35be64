import { TesseraError } from '@tessera/spec';
import { type Database, inTransaction } from './connection.js';

/** A named data set. `manifest` is what packages/dataset wrote when it was imported. */
export interface DatasetRecord<Manifest = unknown> {
  name: string;
  sequence: bigint;
  sha256: string;
  uploadSha256: string | null;
  manifest: Manifest;
  createdAt: Date;
}

export async function findDataset(db: Database, name: string): Promise<DatasetRecord | null> {
  return db.prisma.dataset.findUnique({ where: { name } });
}

/** Data sets newest first; `before` is the sequence of the last one already seen. */
export async function listDatasets(
  db: Database,
  query: { before: bigint | null; limit: number },
): Promise<DatasetRecord[]> {
  return db.prisma.dataset.findMany({
    where: query.before === null ? {} : { sequence: { lt: query.before } },
    orderBy: { sequence: 'desc' },
    take: query.limit,
  });
}

/**
 * Gives a name to an imported data set.
 * @returns 'created', or 'same' when the name already holds these contents
 * @throws TesseraError dataset-exists when the name holds other contents
 */
export async function nameDataset(
  db: Database,
  made: { name: string; sha256: string; uploadSha256: string | null; manifest: object },
): Promise<'created' | 'same'> {
  const { rowCount } = await db.pool.query(
    `INSERT INTO datasets (name, sha256, upload_sha256, manifest) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`,
    [made.name, made.sha256, made.uploadSha256, JSON.stringify(made.manifest)],
  );
  if (rowCount) return 'created';
  const known = await findDataset(db, made.name);
  if (known?.sha256 === made.sha256) return 'same';
  throw new TesseraError(
    'dataset-exists',
    `The name ${made.name} holds other bytes. Choose another name, or delete it first.`,
  );
}

/** Points a reserved name at the contents found now; experiments keep the contents they were planned on. */
export async function replaceDataset(
  db: Database,
  made: { name: string; sha256: string; manifest: object },
): Promise<void> {
  await db.pool.query(
    `INSERT INTO datasets (name, sha256, manifest) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET sha256 = EXCLUDED.sha256, manifest = EXCLUDED.manifest`,
    [made.name, made.sha256, JSON.stringify(made.manifest)],
  );
}

/**
 * Forgets a name.
 * @returns the contents no other name and no experiment uses any more, to be deleted from the store; else null
 * @throws TesseraError not-found, dataset-in-use
 */
export async function deleteDataset(db: Database, name: string): Promise<string | null> {
  return inTransaction(db, async (client) => {
    const { rows } = await client.query<{ sha256: string }>(
      'SELECT sha256 FROM datasets WHERE name = $1 FOR UPDATE',
      [name],
    );
    const known = rows[0];
    if (!known) throw new TesseraError('not-found', `There is no data set ${name}.`);
    const { rows: users } = await client.query<{ id: string }>(
      `SELECT id FROM experiments WHERE dataset_sha256 = $1 AND spec #>> '{dataset,id}' = $2 ORDER BY sequence DESC LIMIT 1`,
      [known.sha256, name],
    );
    if (users[0]) {
      throw new TesseraError(
        'dataset-in-use',
        `The experiment ${users[0].id} uses the data set ${name}. Delete it first.`,
      );
    }
    await client.query('DELETE FROM datasets WHERE name = $1', [name]);
    const { rowCount } = await client.query(
      'SELECT 1 FROM datasets WHERE sha256 = $1 UNION ALL SELECT 1 FROM experiments WHERE dataset_sha256 = $1 LIMIT 1',
      [known.sha256],
    );
    return rowCount ? null : known.sha256;
  });
}
