/**
 * The members of an archive, in this order:
 *   experiment.json         spec, plan, provenance, versions, fingerprints, kernels' summaries
 *   analyses/000000.ndjson  the result rows in grid order, `rowsOfMember` a member
 *   trainings/000000.ndjson the trained networks, where there are any, likewise
 *   dataset/...             the data set: manifest.json and the files it names
 *   arrays/...              the Zarr group, every file of it
 *   SHA256SUMS              of every other member, as sha256sum writes and checks them
 */
import type { ArchivedExperiment, KernelSummaries } from '@tessera/database';
import { TesseraError } from '@tessera/spec';

export const archiveFormat = 'tessera-archive';
export const archiveVersion = 1;
export const memberNames = { experiment: 'experiment.json', sums: 'SHA256SUMS' } as const;
export const rowsOfMember = 1000;
/** Names are kept in memory while an archive is read. */
export const membersLimit = 1_000_000;

export const trainingsMember = (index: number) => `trainings/${String(index).padStart(6, '0')}.ndjson`;
export const analysesMember = (index: number) => `analyses/${String(index).padStart(6, '0')}.ndjson`;

/** `experiment.json`. */
export interface ArchiveHead {
  format: typeof archiveFormat;
  version: typeof archiveVersion;
  /** What wrote it, and when. */
  software: { name: 'tessera'; version: string };
  archivedAt: string;
  experiment: ArchivedExperiment;
  kernels: KernelSummaries;
}

export type MemberKind = 'experiment' | 'analyses' | 'trainings' | 'dataset' | 'arrays' | 'sums';

const patterns: Record<MemberKind, RegExp> = {
  experiment: /^experiment\.json$/,
  analyses: /^analyses\/\d{6}\.ndjson$/,
  trainings: /^trainings\/\d{6}\.ndjson$/,
  dataset: /^dataset\/(manifest\.json|[a-z0-9-]{1,40}\.bin)$/,
  arrays: /^arrays\/(zarr\.json|complete\/zarr\.json|[a-z0-9_]{1,64}\/(zarr\.json|c(\/\d{1,9}){1,8}))$/,
  sums: /^SHA256SUMS$/,
};

/** What a name stands for. A name from outside never becomes a path unless one of the patterns says all of it. */
export function memberKind(name: string): MemberKind {
  for (const [kind, pattern] of Object.entries(patterns)) if (pattern.test(name)) return kind as MemberKind;
  throw badArchive(`it has a member ${JSON.stringify(name.slice(0, 100))}, which no archive has`);
}

/** @param what after "The archive cannot be restored: " */
export function badArchive(what: string, cause?: unknown): TesseraError {
  return new TesseraError('invalid-archive', `The archive cannot be used: ${what}.`, { cause });
}
