/** From a request's JSON to a planned experiment: every check that a POST makes, before anything is written. */
import { createHash } from 'node:crypto';
import { checkNormalization, type Dataset, openDataset, selectImages } from '@tessera/dataset';
import { type Plan, type PlanOptions, planExperiment } from '@tessera/plan';
import {
  checkSpecAgainst,
  type DatasetFacts,
  type ExperimentSpec,
  type Problem,
  parseSpec,
  TesseraError,
} from '@tessera/spec';
import type { TileStore } from '@tessera/store';
import type { NamedDataset, VisibleDatasets } from './dataset-catalog.js';

export interface PlannedSpec {
  spec: ExperimentSpec;
  dataset: NamedDataset;
  /** Chosen images, ascending indices into each split. */
  train: Int32Array;
  test: Int32Array;
  plan: Plan;
}

/**
 * Reads a spec; where it has problems, tells those that need its data set too, so that all come at once.
 * @param json the body, as JSON.parse made it
 * @throws TesseraError invalid-spec with every problem found
 */
export async function parseSpecOfBody(catalog: VisibleDatasets, json: unknown): Promise<ExperimentSpec> {
  try {
    return parseSpec(json);
  } catch (error) {
    if (!(error instanceof TesseraError)) throw error;
    throw withProblems(error, await problemsOfSoundParts(catalog, json));
  }
}

/**
 * Checks a spec against its data set and the limits, and plans it.
 * @param options the machines to plan for
 * @throws TesseraError invalid-spec with every problem found, or plan-too-large
 */
export async function planSpec(
  catalog: VisibleDatasets,
  store: TileStore,
  spec: ExperimentSpec,
  options: PlanOptions,
): Promise<PlannedSpec> {
  const found = await catalog.find(spec.dataset.id);
  if (found === null) {
    throw new TesseraError('invalid-spec', 'The spec names an unknown data set.', {
      problems: [await unknownDataset(catalog, spec.dataset.id)],
    });
  }
  const images = await fromStore(found, () => openDataset(store, found.sha256));
  // Messages name the data set as the request does.
  const manifest = { ...images.manifest, name: found.name };
  const named = { ...images, manifest };
  const problems = problemsAgainst(spec, manifest);
  const chosen = chooseImages(named, spec, problems);
  await fromStore(found, () => checkNormalization(named, spec.dataset));
  const counts = {
    train: chosen.train.length,
    test: chosen.test.length,
    classes: manifest.classes,
    shape: manifest.shape,
  };
  return { spec, dataset: found, ...chosen, plan: planExperiment(spec, counts, options) };
}

/** Reads a data set; one that the store has lost, or loses meanwhile, is a problem of the name that promises it. */
async function fromStore<T>({ name }: NamedDataset, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof TesseraError) || cause.code !== 'not-found') throw cause;
    const message = `dataset.id is "${name}", whose images are no longer in the store; upload them again.`;
    const problems = [{ pointer: '/dataset/id', message }];
    throw new TesseraError('invalid-spec', 'The data set of the spec is gone.', { problems, cause });
  }
}

/**
 * The chosen images, where nothing is wrong.
 * @throws TesseraError invalid-spec with `known` problems and those of the selection, one for each place
 */
function chooseImages(
  images: Pick<Dataset, 'manifest' | 'labels'>,
  spec: ExperimentSpec,
  known: readonly Problem[],
): { train: Int32Array; test: Int32Array } {
  let more: readonly Problem[] = [];
  try {
    const chosen = selectImages(images, spec.dataset);
    if (known.length === 0) return chosen;
  } catch (error) {
    if (!(error instanceof TesseraError) || error.code !== 'invalid-spec') throw error;
    more = error.problems;
  }
  const pointers = new Set(known.map(({ pointer }) => pointer));
  const problems = [...known, ...more.filter(({ pointer }) => !pointers.has(pointer))];
  throw new TesseraError('invalid-spec', `The spec does not fit the data set ${images.manifest.name}.`, {
    problems,
  });
}

async function unknownDataset(catalog: VisibleDatasets, id: string): Promise<Problem> {
  const names = await catalog.knownNames();
  const known =
    names.length > 0 ? `known are ${names.join(', ')}` : 'there is none yet: PUT one to /v1/datasets/{name}';
  return {
    pointer: '/dataset/id',
    message: `dataset.id is ${JSON.stringify(id)}, and no data set has this name; ${known}.`,
  };
}

/** A spec without fault, into which the parts of a faulty one are put to check them alone. */
const soundParts = {
  name: 'parts',
  dataset: { id: 'parts', train: 1 },
  architecture: { family: 'fcn', activation: { name: 'identity' } },
  grid: { weightVariance: [1], biasVariance: [0], depth: [0] },
};

/** The fields that say which images are chosen, and what their shape must fit. */
const checkedFields = { dataset: ['id', 'train', 'test'], architecture: ['family', 'filterSize'] } as const;

/**
 * What can already be said of a faulty spec's data set, so that all problems come at once: an unknown name,
 * a selection beyond it, an architecture that does not fit its images.
 */
async function problemsOfSoundParts(catalog: VisibleDatasets, json: unknown): Promise<readonly Problem[]> {
  const spec = parsed(soundFieldsOf(json));
  if (spec === null || spec.dataset.id !== fieldOf(fieldOf(json, 'dataset'), 'id')) return [];
  const found = await catalog.find(spec.dataset.id);
  if (found === null) return [await unknownDataset(catalog, spec.dataset.id)];
  return problemsAgainst(spec, { ...found.manifest, name: found.name });
}

/** The sound parts with every checked field of `json` that is sound by itself. */
function soundFieldsOf(json: unknown): object {
  const spec = structuredClone(soundParts);
  for (const part of ['dataset', 'architecture'] as const) {
    for (const key of checkedFields[part]) {
      const value = fieldOf(fieldOf(json, part), key);
      const changed = { ...spec[part], [key]: value };
      if (value !== undefined && parsed({ ...spec, [part]: changed }) !== null)
        Object.assign(spec, { [part]: changed });
    }
  }
  return spec;
}

/** A field of a JSON object; undefined where there is no object or no such field. */
const fieldOf = (json: unknown, key: string): unknown =>
  typeof json === 'object' && json !== null && Object.hasOwn(json, key)
    ? (json as Record<string, unknown>)[key]
    : undefined;

function parsed(json: object): ExperimentSpec | null {
  try {
    return parseSpec(json);
  } catch (error) {
    if (error instanceof TesseraError) return null;
    throw error;
  }
}

function problemsAgainst(spec: ExperimentSpec, facts: DatasetFacts): readonly Problem[] {
  try {
    checkSpecAgainst(spec, facts);
    return [];
  } catch (error) {
    if (error instanceof TesseraError) return error.problems;
    throw error;
  }
}

function withProblems(error: TesseraError, more: readonly Problem[]): TesseraError {
  if (more.length === 0) return error;
  const problems = [...error.problems, ...more];
  return new TesseraError(error.code, `The spec has ${problems.length} problems.`, { problems });
}

/** The sha256 of image indices as little-endian int32, hexadecimal. */
export function indicesSha256(indices: Int32Array): string {
  const bytes = Buffer.alloc(4 * indices.length);
  indices.forEach((index, position) => {
    bytes.writeInt32LE(index, 4 * position);
  });
  return createHash('sha256').update(bytes).digest('hex');
}
