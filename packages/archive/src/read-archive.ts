import { createHash } from 'node:crypto';
import type { AnalysisRecord, TrainingRecord } from '@tessera/database';
import { type DatasetManifest, sealManifest } from '@tessera/dataset';
import {
  type ArchivedAnalysis,
  type ArchivedTraining,
  parseArchivedAnalysis,
  parseArchivedTraining,
} from '@tessera/spec';
import { checkHead } from './check-head.js';
import { type ArchiveHead, badArchive, type MemberKind, memberKind, memberNames } from './format.js';
import { type Member, tarMembers } from './tar-members.js';

/** What an archive says of itself, proved. */
export interface ReadArchive {
  head: ArchiveHead;
  manifest: DatasetManifest;
  /** sha256 of every member but the last, by name. */
  sums: ReadonlyMap<string, string>;
  /** Bytes of its arrays' files. */
  arrayBytes: number;
}

/** The largest member that is read whole: JSON, or rows. */
const textLimit = 2 ** 26;
const orderOfKinds: readonly MemberKind[] = [
  'experiment',
  'analyses',
  'trainings',
  'dataset',
  'arrays',
  'sums',
];

/**
 * Reads an archive from its first byte to its last and proves it: every member against its checksum, the data set against
 * its address, the head against the spec it holds, the rows against their schema. Writes nothing.
 * @throws TesseraError invalid-archive
 */
export async function readArchive(file: string): Promise<ReadArchive> {
  const sums = new Map<string, string>();
  let head: unknown = null;
  let manifest: DatasetManifest | null = null;
  let told: Map<string, string> | null = null;
  let rows = 0;
  let networks = 0;
  let arrayBytes = 0;
  let position = 0;
  for await (const member of tarMembers(file)) {
    const kind = memberKind(member.name);
    const at = orderOfKinds.indexOf(kind);
    if (at < position || told !== null) throw badArchive(`${member.name} is not in its place`);
    position = at;
    const isText = kind !== 'arrays' && !member.name.endsWith('.bin');
    const { sha256, text } = await readMember(member, isText ? textLimit : 0);
    if (kind === 'sums') {
      told = readSums(text);
      continue;
    }
    sums.set(member.name, sha256);
    if (kind === 'experiment') head = readJson(member.name, text);
    else if (kind === 'analyses') rows += readRows(member.name, text, rows).length;
    else if (kind === 'trainings') networks += readTrainings(member.name, text, networks).length;
    else if (kind === 'arrays') arrayBytes += member.bytes;
    if (member.name === 'dataset/manifest.json') manifest = readSealed(text);
  }
  if (told === null) throw badArchive(`it has no ${memberNames.sums}: it was cut short`);
  checkSums(sums, told);
  if (head === null || manifest === null) throw badArchive('its experiment or its data set is missing');
  checkDataset(manifest, sums);
  const checked = checkHead(head, manifest);
  if (rows !== checked.experiment.analysesTotal)
    throw badArchive(`it has ${rows} result rows of ${checked.experiment.analysesTotal}`);
  if (networks !== checked.experiment.trainingsTotal)
    throw badArchive(`it has ${networks} networks of ${checked.experiment.trainingsTotal}`);
  for (const name of ['arrays/zarr.json', 'arrays/complete/zarr.json'])
    if (!sums.has(name)) throw badArchive(`${name} is missing`);
  return { head: checked, manifest, sums, arrayBytes };
}

/** Reads the rows of a member, the first of which is row `first`. */
export const readRows = (name: string, text: string, first: number): AnalysisRecord[] =>
  readLines<ArchivedAnalysis>(name, text, first, parseArchivedAnalysis);

/** The same of trained networks. */
export const readTrainings = (name: string, text: string, first: number): TrainingRecord[] =>
  readLines<ArchivedTraining>(name, text, first, parseArchivedTraining);

function readLines<T extends { ordinal: number }>(
  name: string,
  text: string,
  first: number,
  parse: (json: unknown) => T,
): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      let row: T;
      try {
        row = parse(readJson(name, line));
      } catch (error) {
        throw badArchive(
          `row ${first + i} of ${name} is not a result row: ${(error as Error).message}`,
          error,
        );
      }
      if (row.ordinal !== first + i) throw badArchive(`row ${first + i} of ${name} is out of order`);
      return row;
    });
}

/** The bytes of a member, hashed; as text up to `limit`. */
export async function readMember(member: Member, limit: number): Promise<{ sha256: string; text: string }> {
  const hash = createHash('sha256');
  const pieces: Buffer[] = [];
  if (limit > 0 && member.bytes > limit) throw badArchive(`${member.name} is larger than ${limit} bytes`);
  for await (const piece of member.content) {
    hash.update(piece);
    if (limit > 0) pieces.push(piece);
  }
  return { sha256: hash.digest('hex'), text: Buffer.concat(pieces).toString('utf8') };
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badArchive(`${name} is not JSON`, error);
  }
}

function readSealed(text: string): DatasetManifest {
  const json = readJson('dataset/manifest.json', text);
  try {
    return sealManifest(json as DatasetManifest);
  } catch (error) {
    throw badArchive('the manifest of its data set cannot be read', error);
  }
}

function readSums(text: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [, sha256, name] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
        if (!sha256 || !name) throw badArchive(`${memberNames.sums} cannot be read`);
        return [name, sha256];
      }),
  );
}

function checkSums(found: ReadonlyMap<string, string>, told: ReadonlyMap<string, string>): void {
  for (const [name, sha256] of found)
    if (told.get(name) !== sha256) throw badArchive(`${name} does not match its checksum`);
  for (const name of told.keys()) if (!found.has(name)) throw badArchive(`${name} is missing`);
}

/** The manifest proves its files by their hashes; its address is the experiment's, which `checkHead` compares. */
function checkDataset(manifest: DatasetManifest, sums: ReadonlyMap<string, string>): void {
  for (const { name, sha256 } of manifest.files) {
    if (sums.get(`dataset/${name}`) !== sha256)
      throw badArchive(`dataset/${name} is not the file of its data set`);
  }
  const extra = [...sums.keys()].filter((name) => name.startsWith('dataset/')).length - manifest.files.length;
  if (extra !== 1) throw badArchive('its data set has files that its manifest does not name');
}
