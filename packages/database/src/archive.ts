import { type ExperimentSpec, type ProjectLimits, TesseraError } from '@tessera/spec';
import { upsertAnalyses } from './analyses.js';
import { type Database, inTransaction } from './connection.js';
import { reserveQuota } from './projects.js';
import type { AcceptedRows } from './tasks/accept.js';
import { upsertTrainings } from './trainings.js';

/** The columns of a completed experiment that an archive keeps: all but its place in the list and what is of the moment. */
export interface ArchivedExperiment {
  id: string;
  name: string;
  revision: number;
  spec: ExperimentSpec;
  plan: object;
  provenance: Record<string, unknown>;
  datasetSha256: string;
  numerics: string;
  workerFingerprint: string | null;
  aggregatorFingerprint: string | null;
  tilesTotal: number;
  analysesTotal: number;
  stripsTotal: number;
  trainingsTotal: number;
  /** ISO 8601. */
  createdAt: string;
  startedAt: string;
  finishedAt: string;
}

/** The summaries of an experiment's kernels, by index: counts, milliseconds, engines, fingerprints of each wave. */
export type KernelSummaries = readonly unknown[];

/** @returns null where there is no completed experiment of this id */
export async function readArchived(
  db: Database,
  id: string,
): Promise<{ experiment: ArchivedExperiment; kernels: KernelSummaries } | null> {
  const row = await db.prisma.experiment.findUnique({ where: { id, state: 'completed' } });
  if (!row?.startedAt || !row.finishedAt) return null;
  const kernels = await db.prisma.kernel.findMany({
    where: { experimentId: id },
    orderBy: { index: 'asc' },
    select: { summary: true },
  });
  return {
    experiment: {
      id,
      name: row.name,
      revision: row.revision,
      spec: row.spec as unknown as ExperimentSpec,
      plan: row.plan as object,
      provenance: row.provenance as Record<string, unknown>,
      datasetSha256: row.datasetSha256,
      numerics: row.numerics,
      workerFingerprint: row.workerFingerprint,
      aggregatorFingerprint: row.aggregatorFingerprint,
      tilesTotal: row.tilesTotal,
      analysesTotal: row.analysesTotal,
      stripsTotal: row.stripsTotal,
      trainingsTotal: row.trainingsTotal,
      createdAt: row.createdAt.toISOString(),
      startedAt: row.startedAt.toISOString(),
      finishedAt: row.finishedAt.toISOString(),
    },
    kernels: kernels.map(({ summary }) => summary),
  };
}

/**
 * Writes a completed experiment and all its rows in one transaction.
 * @param batches its rows: analyses in grid order, then networks
 * @throws TesseraError experiment-exists, quota-exceeded
 */
export async function insertArchived(
  db: Database,
  made: {
    experiment: ArchivedExperiment;
    kernels: KernelSummaries;
    /** Whose it becomes, and that project's limits where it has none of its own. */
    project: string;
    limits: ProjectLimits;
    /** Bytes of its arrays. */
    bytes: number;
    /** Its data set is named where the name is free; null: it is not named. */
    dataset: { name: string; bytes: number; manifest: object } | null;
  },
  batches: AsyncIterable<AcceptedRows>,
): Promise<void> {
  const { experiment: one, kernels, project, limits, bytes, dataset } = made;
  await inTransaction(db, async (client) => {
    let added = bytes;
    if (dataset) {
      const { rowCount: named } = await client.query(
        `INSERT INTO datasets (project, name, sha256, manifest)
         SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM datasets WHERE name = $2 AND project IN ($1, '*'))
         ON CONFLICT DO NOTHING`,
        [project, dataset.name, one.datasetSha256, JSON.stringify(dataset.manifest)],
      );
      if (named) added += dataset.bytes;
    }
    await reserveQuota(client, project, limits, { experiments: 1, bytes: added });
    const { rowCount } = await client.query(
      `INSERT INTO experiments (id, name, state, revision, spec, plan, provenance, dataset_sha256, numerics,
         worker_fingerprint, aggregator_fingerprint, tiles_total, tiles_done, analyses_total, analyses_done,
         strips_total, strips_done, trainings_total, trainings_done, created_at, started_at, finished_at, restored_at, project, stored_bytes, priority)
       VALUES ($1, $2, 'completed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $12, $13, $13, $20, $20, $14, $15, $16, now(), $17, $18, $19)
       ON CONFLICT (id) DO NOTHING`,
      [
        one.id,
        one.name,
        one.revision,
        JSON.stringify(one.spec),
        JSON.stringify(one.plan),
        JSON.stringify(one.provenance),
        one.datasetSha256,
        one.numerics,
        one.workerFingerprint,
        one.aggregatorFingerprint,
        one.tilesTotal,
        one.analysesTotal,
        one.stripsTotal,
        one.createdAt,
        one.startedAt,
        one.finishedAt,
        project,
        bytes,
        one.spec.priority,
        one.trainingsTotal,
      ],
    );
    if (!rowCount) throw new TesseraError('experiment-exists', `There is an experiment ${one.id} already.`);
    await client.query(
      `INSERT INTO kernels (experiment_id, index, state, wave, wave_total, wave_done, summary)
       SELECT $1, position - 1, 'done', 'finish', 1, 1, NULLIF(value, 'null'::jsonb)
       FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS kernel(value, position)`,
      [one.id, JSON.stringify(kernels)],
    );
    for await (const { analyses = [], trainings = [] } of batches) {
      if (analyses.length > 0) await client.query(upsertAnalyses(one.id, analyses, true));
      if (trainings.length > 0) await client.query(upsertTrainings(one.id, trainings));
    }
    await client.query(`SELECT pg_notify('tessera_experiment', $1)`, [one.id]);
  });
}
