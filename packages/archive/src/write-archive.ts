import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Database, everyPage, listAnalyses, listTrainings, readArchived } from '@tessera/database';
import { datasetFolder, readManifest } from '@tessera/dataset';
import { TesseraError } from '@tessera/spec';
import { experimentKeys, type TileStore } from '@tessera/store';
import { type Pack, pack } from 'tar-stream';
import {
  type ArchiveHead,
  analysesMember,
  archiveFormat,
  archiveVersion,
  memberNames,
  membersLimit,
  rowsOfMember,
  trainingsMember,
} from './format.js';

/**
 * A completed experiment as a tar file, as it is read. Whatever goes wrong on the way breaks the stream off: an archive
 * without its last member, the checksums, is none.
 * @throws TesseraError illegal-state where it is not completed, before anything is sent
 */
export async function writeArchive(
  db: Database,
  store: TileStore,
  id: string,
  software: ArchiveHead['software'],
): Promise<Readable> {
  const archived = await readArchived(db, id);
  if (archived === null)
    throw new TesseraError('illegal-state', 'Only an experiment that is completed can be archived.');
  const { experiment, kernels } = archived;
  const manifest = await readManifest(store, experiment.datasetSha256);
  const keys: [member: string, key: string][] = [];
  const folder = datasetFolder(manifest.sha256);
  for (const name of ['manifest.json', ...manifest.files.map((file) => file.name)])
    keys.push([`dataset/${name}`, `${folder}/${name}`]);
  const { root } = experimentKeys(id);
  const arrayKeys: string[] = [];
  for await (const { key } of store.list(root)) arrayKeys.push(key);
  for (const key of arrayKeys.sort()) keys.push([`arrays/${key.slice(root.length + 1)}`, key]);
  if (keys.length + experiment.analysesTotal / rowsOfMember > membersLimit - 10) {
    throw new TesseraError('illegal-state', `It has more files than the ${membersLimit} of an archive.`);
  }
  const head: ArchiveHead = {
    format: archiveFormat,
    version: archiveVersion,
    software,
    archivedAt: new Date().toISOString(),
    experiment,
    kernels,
  };
  const tar = pack();
  const mtime = new Date(experiment.finishedAt);
  const writeAll = async () => {
    const sums: string[] = [];
    const add = async (
      name: string,
      bytes: number,
      pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    ) => {
      const hash = createHash('sha256');
      await addMember(tar, name, bytes, mtime, pieces, hash);
      sums.push(`${hash.digest('hex')}  ${name}\n`);
    };
    const addText = (name: string, text: string) => {
      const bytes = Buffer.from(text, 'utf8');
      return add(name, bytes.byteLength, [bytes]);
    };
    await addText(memberNames.experiment, `${JSON.stringify(head, null, 2)}\n`);
    const addRows = async (
      name: (member: number) => string,
      list: (after: number | null) => Promise<{ ordinal: number }[]>,
    ) => {
      let member = 0;
      for await (const rows of everyPage(list))
        await addText(name(member++), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
    };
    await addRows(analysesMember, (after) => listAnalyses(db, id, { after, limit: rowsOfMember }));
    await addRows(trainingsMember, (after) => listTrainings(db, id, { after, limit: rowsOfMember }));
    for (const [name, key] of keys) {
      const bytes = await store.size(key);
      if (bytes === null) throw new TesseraError('not-found', `Nothing is stored under ${key} any more.`);
      await add(name, bytes, bytes === 0 ? [] : store.stream(key, 0, bytes));
    }
    const text = Buffer.from(sums.join(''), 'utf8');
    await addMember(tar, memberNames.sums, text.byteLength, mtime, [text], null);
    tar.finalize();
  };
  // Its reader must be there before it fails: an error of a stream that nobody reads ends the process.
  setImmediate(() => writeAll().catch((error: Error) => tar.destroy(error)));
  return tar as unknown as Readable;
}

async function addMember(
  tar: Pack,
  name: string,
  size: number,
  mtime: Date,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash> | null,
): Promise<void> {
  if (tar.destroyed) throw new Error('The reader has gone.');
  let done: (error?: Error | null) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    done = (error) => (error ? reject(error) : resolve());
  });
  finished.catch(() => {});
  const entry = tar.entry({ name, size, mtime, mode: 0o644 }, done);
  for await (const piece of pieces) {
    hash?.update(piece);
    if (!entry.write(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)))
      await drained(entry, tar);
  }
  entry.end(null);
  await finished;
}

/** Waits until a member takes more, or the reader has gone. */
function drained(entry: ReturnType<Pack['entry']>, tar: Pack): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      entry.removeListener('drain', settle);
      tar.removeListener('close', settle);
      if (tar.destroyed) reject(new Error('The reader has gone.'));
      else resolve();
    };
    entry.once('drain', settle);
    tar.once('close', settle);
  });
}
