/** Which data sets there are, and the two that are imported by the service itself. */
import { join } from 'node:path';
import {
  type DatasetRecord,
  findDataset,
  listDatasets,
  nameDataset,
  replaceDataset,
  withContents,
} from '@tessera/database';
import { type DatasetManifest, findCifar10, importCifar10, importSynthetic } from '@tessera/dataset';
import { allProjects, type DatasetInfo } from '@tessera/spec';
import type { Access } from './access/access.js';
import type { AppContext } from './app-context.js';

/** Names that only this service gives: the CIFAR-10 folder, and the built-in synthetic images. */
export const reservedNames = ['cifar10', 'synthetic'] as const;
export type ReservedName = (typeof reservedNames)[number];
export const isReserved = (name: string): name is ReservedName =>
  (reservedNames as readonly string[]).includes(name);

export type NamedDataset = DatasetRecord<DatasetManifest>;

/** The data sets that whoever asks sees. */
export interface VisibleDatasets {
  /** The data set of a name, imported first where the name is reserved and its source is there; else null. */
  find(name: string): Promise<NamedDataset | null>;
  /** Names for a message that lists them: at most 50, newest first, and reserved ones that could be imported. */
  knownNames(): Promise<string[]>;
}

export interface DatasetCatalog {
  of(access: Pick<Access, 'project'>): VisibleDatasets;
  /** Imports what the reserved names stand for now. Problems are logged; the next use tries again. */
  importReserved(): Promise<void>;
}

export function openDatasetCatalog(context: AppContext): DatasetCatalog {
  const { db, logger } = context;
  const imports = new Map<ReservedName, Promise<NamedDataset | null>>();

  /** One import of a name at a time in this process; replicas may both do it, with the same outcome. */
  const ensureReserved = (name: ReservedName): Promise<NamedDataset | null> => {
    const running = imports.get(name);
    if (running) return running;
    const started = importOne(context, name).finally(() => imports.delete(name));
    imports.set(name, started);
    return started;
  };

  return {
    of: ({ project }) => ({
      async find(name) {
        const known = (await findDataset(db, name, project)) as NamedDataset | null;
        return known ?? (isReserved(name) ? ensureReserved(name) : null);
      },
      async knownNames() {
        const names = (await listDatasets(db, { project, before: null, limit: 50 })).map((row) => row.name);
        for (const name of reservedNames) {
          if (!names.includes(name) && (await sourceOf(context, name)) !== null) names.push(name);
        }
        return names;
      },
    }),
    async importReserved() {
      for (const name of reservedNames) {
        try {
          const found = await ensureReserved(name);
          if (found === null) logger.info({ dataset: name }, 'data set not offered: its folder is not there');
        } catch (error) {
          logger.error({ err: error, dataset: name }, 'data set could not be imported');
        }
      }
    },
  };
}

/** Imports a reserved name's source and points the name at what it found; null without a source. */
async function importOne(context: AppContext, name: ReservedName): Promise<NamedDataset | null> {
  const { db, store, logger } = context;
  const source = await sourceOf(context, name);
  if (source === null) return null;
  const startedAt = performance.now();
  return withContents(db, 'import', async () => {
    const manifest =
      source.folder === null ? await importSynthetic(store) : await importCifar10(store, source.folder);
    const known = await findDataset(db, name, allProjects);
    if (known === null)
      await nameDataset(db, {
        name,
        project: allProjects,
        sha256: manifest.sha256,
        uploadSha256: null,
        manifest,
      });
    else if (known.sha256 !== manifest.sha256)
      await replaceDataset(db, { name, sha256: manifest.sha256, manifest });
    const milliseconds = Math.round(performance.now() - startedAt);
    logger.info({ dataset: name, sha256: manifest.sha256, milliseconds }, 'data set imported');
    return (await findDataset(db, name, allProjects)) as NamedDataset | null;
  });
}

/** Where a reserved name's images come from: a folder, or (folder null) the generator; null when nowhere. */
async function sourceOf(
  { settings }: AppContext,
  name: ReservedName,
): Promise<{ folder: string | null } | null> {
  if (name === 'synthetic') return { folder: null };
  const folder = await findCifar10([settings.cifar10Dir, join(settings.dataDir, 'cifar-10-batches-bin')]);
  return folder === null ? null : { folder };
}

/** A data set as the REST service shows it. */
export function presentDataset(row: NamedDataset): DatasetInfo {
  const { manifest } = row;
  return {
    id: row.name,
    name: row.name,
    source: manifest.source,
    shape: manifest.shape,
    classes: manifest.classes,
    classNames: manifest.classNames,
    trainCount: manifest.trainCount,
    testCount: manifest.testCount,
    segments: manifest.segments,
    sha256: row.sha256,
    dtype: manifest.dtype,
    synthetic: manifest.synthetic,
    bytes: manifest.bytes,
    createdAt: row.createdAt.toISOString(),
  };
}
