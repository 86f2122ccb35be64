import { createHash } from 'node:crypto';
import {
  type AcceptedRows,
  type Database,
  type ExperimentRecord,
  findExperiment,
  insertArchived,
  removeUnused,
  withRestore,
} from '@tessera/database';
import { datasetFolder, readManifest } from '@tessera/dataset';
import { type ProjectLimits, TesseraError } from '@tessera/spec';
import { deleteExperiment, experimentKeys, type TileStore } from '@tessera/store';
import { badArchive, memberKind, rowsOfMember } from './format.js';
import { type ReadArchive, readArchive, readMember, readRows, readTrainings } from './read-archive.js';
import { tarMembers } from './tar-members.js';

/** Whose a restored experiment becomes. */
export interface RestoreOwner {
  project: string;
  limits: ProjectLimits;
  /** Whether the project may give a data set this name. */
  mayName(name: string): boolean;
}

/**
 * Brings an archived experiment back under its own id. The file is read twice: the first reading proves all of it and
 * writes nothing; the second writes the files, and the rows last, in one transaction. Whatever goes wrong between leaves
 * files without rows, which are deleted here or, after a crash, by the sweep.
 * @throws TesseraError invalid-archive, experiment-exists, quota-exceeded, unavailable
 */
export async function restoreArchive(
  db: Database,
  store: TileStore,
  file: string,
  owner: RestoreOwner,
): Promise<ExperimentRecord> {
  const archive = await readArchive(file);
  const { id } = archive.head.experiment;
  const { sha256 } = archive.manifest;
  await refuseExisting(db, id);
  await refuseWithoutRoom(store, archive.arrayBytes + archive.manifest.bytes);
  const restored = withRestore(db, id, async () => {
    await refuseExisting(db, id);
    try {
      await writeFiles(store, file, archive);
      const { head, manifest } = archive;
      const name = head.experiment.spec.dataset.id;
      const dataset = owner.mayName(name) ? { name, bytes: manifest.bytes, manifest } : null;
      const { project, limits } = owner;
      await insertArchived(
        db,
        { ...head, project, limits, bytes: archive.arrayBytes, dataset },
        rowBatches(file),
      );
    } catch (error) {
      await deleteExperiment(store, id);
      throw error;
    }
    // Here, where nobody can delete it meanwhile.
    return (await findExperiment(db, id)) as ExperimentRecord;
  });
  return await restored.catch(async (error: unknown) => {
    await removeUnused(db, sha256, () => store.deletePrefix(datasetFolder(sha256)));
    throw error;
  });
}

async function refuseExisting(db: Database, id: string): Promise<void> {
  if ((await findExperiment(db, id)) !== null)
    throw new TesseraError('experiment-exists', `There is an experiment ${id} already.`);
}

async function refuseWithoutRoom(store: TileStore, bytes: number): Promise<void> {
  const free = await store.freeBytes();
  if (free !== null && free < bytes)
    throw new TesseraError(
      'unavailable',
      `The store has ${free} bytes free, and the archive holds ${bytes}.`,
    );
}

async function writeFiles(
  store: TileStore,
  file: string,
  { head, manifest, sums }: ReadArchive,
): Promise<void> {
  const { root, complete } = experimentKeys(head.experiment.id);
  const folder = datasetFolder(manifest.sha256);
  const hasDataset = await isStored(store, manifest.sha256);
  let marker: Buffer | null = null;
  let datasetManifest: Buffer | null = null;
  for await (const member of tarMembers(file)) {
    const kind = memberKind(member.name);
    const path = member.name.slice(member.name.indexOf('/') + 1);
    const isMarker = `${root}/${path}` === complete;
    if (kind !== 'arrays' && (kind !== 'dataset' || hasDataset)) {
      await readMember(member, 0);
      continue;
    }
    // What makes the rest count is written last.
    if (kind === 'arrays' && isMarker) marker = await wholeMember(member.content);
    else if (kind === 'dataset' && path === 'manifest.json')
      datasetManifest = await wholeMember(member.content);
    else {
      const hash = createHash('sha256');
      await store.put(`${kind === 'arrays' ? root : folder}/${path}`, hashed(member.content, hash));
      if (hash.digest('hex') !== sums.get(member.name)) throw badArchive('it changed while it was read');
    }
  }
  if (datasetManifest) await store.put(`${folder}/manifest.json`, datasetManifest);
  if (marker) await store.put(complete, marker);
}

async function isStored(store: TileStore, sha256: string): Promise<boolean> {
  try {
    await readManifest(store, sha256);
    return true;
  } catch (error) {
    if (error instanceof TesseraError && ['not-found', 'corrupt-chunk'].includes(error.code)) return false;
    throw error;
  }
}

async function* hashed(content: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>) {
  for await (const piece of content) {
    hash.update(piece);
    yield piece;
  }
}

async function wholeMember(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* rowBatches(file: string): AsyncGenerator<AcceptedRows> {
  let first = 0;
  let firstNetwork = 0;
  for await (const member of tarMembers(file)) {
    const kind = memberKind(member.name);
    if (kind === 'dataset') return;
    const { text } = await readMember(member, kind === 'analyses' || kind === 'trainings' ? 2 ** 26 : 0);
    if (kind === 'trainings') {
      const trainings = readTrainings(member.name, text, firstNetwork);
      firstNetwork += trainings.length;
      yield { trainings };
    }
    if (kind !== 'analyses') continue;
    const rows = readRows(member.name, text, first);
    first += rows.length;
    for (let start = 0; start < rows.length; start += rowsOfMember)
      yield { analyses: rows.slice(start, start + rowsOfMember) };
  }
}
