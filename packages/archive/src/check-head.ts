import { isDeepStrictEqual } from 'node:util';
import type { ArchivedExperiment } from '@tessera/database';
import type { DatasetManifest } from '@tessera/dataset';
import { type Plan, planExperiment } from '@tessera/plan';
import { type ExperimentSpec, parseSpec } from '@tessera/spec';
import { type ArchiveHead, archiveFormat, archiveVersion, badArchive } from './format.js';

type Fields = Record<string, unknown>;

/**
 * Reads `experiment.json`, which comes from outside: every field that the service will trust is checked, and the plan is
 * compared with what the spec gives now. Sizes that a planner may choose otherwise are kept where they are sound.
 */
export function checkHead(json: unknown, manifest: DatasetManifest): ArchiveHead {
  const head = fields(json, 'experiment.json');
  if (head.format !== archiveFormat) throw badArchive(`it is no ${archiveFormat}`);
  if (head.version !== archiveVersion)
    throw badArchive(`its version is ${JSON.stringify(head.version)}; this service reads ${archiveVersion}`);
  const given = fields(head.experiment, 'experiment');
  const spec = specOf(given.spec);
  const datasetSha256 = text(given, 'datasetSha256', /^[0-9a-f]{64}$/);
  if (datasetSha256 !== manifest.sha256) throw badArchive('its data set is not the one of its experiment');
  const plan = checkPlan(fields(given.plan, 'plan'), planOf(spec, manifest));
  const kernels = head.kernels;
  if (!Array.isArray(kernels) || kernels.length !== plan.kernels)
    throw badArchive(`it must have ${plan.kernels} kernels`);
  const software = fields(head.software, 'software');
  const experiment: ArchivedExperiment = {
    id: text(given, 'id', /^[a-z0-9-]{1,64}$/),
    name: spec.name,
    revision: integer(given, 'revision', 0, 2 ** 31 - 1),
    spec,
    plan,
    provenance: fields(given.provenance, 'provenance'),
    datasetSha256,
    numerics: spec.numerics,
    workerFingerprint: textOrNull(given, 'workerFingerprint'),
    aggregatorFingerprint: textOrNull(given, 'aggregatorFingerprint'),
    tilesTotal: plan.totals.tiles,
    analysesTotal: plan.totals.analyses,
    stripsTotal: plan.totals.strips,
    trainingsTotal: plan.totals.trainings ?? 0,
    createdAt: time(given, 'createdAt'),
    startedAt: time(given, 'startedAt'),
    finishedAt: time(given, 'finishedAt'),
  };
  return {
    format: archiveFormat,
    version: archiveVersion,
    software: { name: 'tessera', version: text(software, 'version', /^[\w.+-]{1,40}$/) },
    archivedAt: time(head, 'archivedAt'),
    experiment,
    kernels,
  };
}

function specOf(json: unknown): ExperimentSpec {
  try {
    return parseSpec(json);
  } catch (error) {
    throw badArchive(`its spec is not valid: ${(error as Error).message}`, error);
  }
}

function planOf(spec: ExperimentSpec, { trainCount, testCount, classes, shape }: DatasetManifest): Plan {
  const chosen = (selection: ExperimentSpec['dataset']['train'], present: number) => {
    const count =
      typeof selection === 'number'
        ? selection
        : 'count' in selection
          ? selection.count
          : selection.indices.length;
    if (count > present) throw badArchive('its spec asks for more images than its data set has');
    return count;
  };
  const { train, test } = spec.dataset;
  const counts = { train: chosen(train, trainCount), test: chosen(test, testCount), classes, shape };
  try {
    return planExperiment(spec, counts);
  } catch (error) {
    throw badArchive(`its spec cannot be planned: ${(error as Error).message}`, error);
  }
}

/** The given plan, where it is one of this spec's. */
function checkPlan(given: Fields, fresh: Plan): Plan {
  for (const name of ['kernels', 'axes', 'trainCount', 'testCount', 'analysesPerKernel'] as const) {
    // jsonb keeps no order of keys.
    if (!isDeepStrictEqual(given[name], fresh[name]))
      throw badArchive(`its plan's ${name} does not follow from its spec`);
  }
  const size = (name: keyof Plan, least: number, most: number) => integer(given, name, least, most);
  const { trainCount, testCount, kernels, analysesPerKernel } = fresh;
  const tileSize = size('tileSize', 1, Math.max(trainCount, fresh.tileSize));
  const blocks = Math.ceil(trainCount / tileSize);
  const tilesPerKernel = (blocks * (blocks + 1)) / 2;
  const stripRows = testCount === 0 ? 0 : size('stripRows', 1, Math.max(testCount, fresh.stripRows));
  const stripsPerKernel = stripRows === 0 ? 0 : Math.ceil(testCount / stripRows);
  const analysisBatch = size('analysisBatch', 1, analysesPerKernel);
  const numbers = <T extends object>(name: 'bytes' | 'workSeconds', like: T): T => {
    const found = fields(given[name], name);
    return Object.fromEntries(
      // Archives of before there were trainings say nothing of them.
      Object.keys(like).map((key) => [key, key === 'trainings' && !(key in found) ? 0 : finite(found, key)]),
    ) as T;
  };
  return {
    ...fresh,
    tileSize,
    blocks,
    tilesPerKernel,
    analysisBatch,
    analysisTasksPerKernel: Math.ceil(analysesPerKernel / analysisBatch),
    stripRows,
    stripBlockRows: size('stripBlockRows', 0, Math.max(testCount, fresh.stripBlockRows)),
    stripsPerKernel,
    kernelsInFlight: size('kernelsInFlight', 1, kernels),
    totals: {
      tiles: kernels * tilesPerKernel,
      analyses: kernels * analysesPerKernel,
      strips: kernels * stripsPerKernel,
      trainings: fresh.totals.trainings ?? 0,
    },
    analysisMode: given.analysisMode === 'streamed' ? 'streamed' : 'dense',
    bytes: numbers('bytes', fresh.bytes),
    coreSeconds: finite(given, 'coreSeconds'),
    workSeconds: numbers('workSeconds', fresh.workSeconds),
    seconds: finite(given, 'seconds'),
  };
}

function fields(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw badArchive(`${name} is no object`);
}

function integer(from: Fields, name: string, least: number, most: number): number {
  const value = from[name];
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number;
  throw badArchive(
    `${name} is ${JSON.stringify(value)?.slice(0, 40)}, not an integer from ${least} to ${most}`,
  );
}

function finite(from: Fields, name: string): number {
  const value = from[name];
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw badArchive(`${name} is no number`);
}

function text(from: Fields, name: string, pattern: RegExp): string {
  const value = from[name];
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw badArchive(`${name} is not as an archive has it`);
}

function textOrNull(from: Fields, name: string): string | null {
  const value = from[name];
  if (value === null || (typeof value === 'string' && value.length <= 1000 && !/\p{Cc}/u.test(value)))
    return value;
  throw badArchive(`${name} is not as an archive has it`);
}

function time(from: Fields, name: string): string {
  const value = from[name];
  if (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
    return value;
  throw badArchive(`${name} is no time`);
}
