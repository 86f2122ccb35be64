/** Which images of a data set an experiment takes. */
import { type DatasetSpec, type Problem, type Split, TesseraError } from '@tessera/spec';
import { drawBalancedSubset } from './balanced-subset.js';
import type { Dataset } from './dataset.js';

/** Problems of one list of indices that are told one by one. */
const listedProblems = 100;

/**
 * The images a spec chooses, as ascending indices into each split. A count without a seed takes the first n in file
 * order; with one, a class-balanced random subset of the images present (`drawBalancedSubset`).
 * @throws TesseraError `invalid-spec` with every problem: images that do not exist, indices twice, classes with too few
 */
export function selectImages(
  dataset: Pick<Dataset, 'manifest' | 'labels'>,
  spec: Pick<DatasetSpec, 'train' | 'test' | 'seed'>,
): { train: Int32Array; test: Int32Array } {
  const problems: Problem[] = [];
  const train = select(dataset, spec, 'train', problems);
  const test = select(dataset, spec, 'test', problems);
  if (problems.length === 0) return { train, test };
  const message = `The spec does not fit the data set ${dataset.manifest.name}.`;
  throw new TesseraError('invalid-spec', message, { problems });
}

function select(
  dataset: Pick<Dataset, 'manifest' | 'labels'>,
  spec: Pick<DatasetSpec, 'train' | 'test' | 'seed'>,
  split: Split,
  problems: Problem[],
): Int32Array {
  const selection = spec[split];
  const pointer = `/dataset/${split}`;
  const field = `dataset.${split}`;
  const isEmpty =
    selection === 0 ||
    (typeof selection === 'object' &&
      ('count' in selection ? selection.count : selection.indices.length) === 0);
  if (isEmpty) {
    if (split === 'train') problems.push({ pointer, message: `${field} is empty; write at least 1.` });
    return new Int32Array(0);
  }
  if (typeof selection === 'object' && 'indices' in selection) {
    return selectListed(dataset, selection.indices, split, problems);
  }
  if (typeof selection === 'object' || spec.seed === null) {
    const { offset, count } = typeof selection === 'object' ? selection : { offset: 0, count: selection };
    const missing = firstMissing(dataset, split, offset, offset + count);
    if (missing === null) return Int32Array.from({ length: count }, (_, i) => offset + i);
    const message = `${field} asks for images ${offset}..${offset + count - 1}, but ${missing}.`;
    problems.push({ pointer, message });
    return new Int32Array(0);
  }
  return selectBalanced(dataset, selection, spec.seed, split, problems);
}

function selectListed(
  dataset: Pick<Dataset, 'manifest' | 'labels'>,
  indices: readonly number[],
  split: Split,
  problems: Problem[],
): Int32Array {
  const seen = new Map<number, number>();
  const found: Problem[] = [];
  indices.forEach((index, position) => {
    const refuse = (why: string) =>
      found.push({
        pointer: `/dataset/${split}/indices/${position}`,
        message: `dataset.${split}.indices[${position}] is ${index}, but ${why}.`,
      });
    const missing = firstMissing(dataset, split, index, index + 1);
    const earlier = seen.get(index);
    if (earlier !== undefined) refuse(`indices[${earlier}] is the same image`);
    else if (missing !== null) refuse(missing);
    seen.set(index, earlier ?? position);
  });
  problems.push(...found.slice(0, listedProblems));
  if (found.length > listedProblems) {
    const message = `${found.length - listedProblems} more of dataset.${split}.indices are wrong.`;
    problems.push({ pointer: `/dataset/${split}/indices`, message });
  }
  return Int32Array.from(indices).sort();
}

function selectBalanced(
  dataset: Pick<Dataset, 'manifest' | 'labels'>,
  count: number,
  seed: number,
  split: Split,
  problems: Problem[],
): Int32Array {
  const { classes, classNames, segments } = dataset.manifest;
  const pointer = `/dataset/${split}`;
  const present = segments.reduce((sum, s) => sum + (s.split === split ? s.count : 0), 0);
  if (count > present) {
    const message = `dataset.${split} asks for ${count} images, but ${existing(dataset, split)}.`;
    problems.push({ pointer, message });
    return new Int32Array(0);
  }
  const drawn = drawBalancedSubset(dataset.labels(split), classes, count, seed, split);
  if (drawn instanceof Int32Array) return drawn;
  const listed = drawn.slice(0, 10).map(({ label, needed, available }) => {
    const name = classNames?.[label];
    return `class ${label}${name === undefined ? '' : ` (${name})`} has ${available} of ${needed}`;
  });
  const message =
    `dataset.${split} asks for ${count} images with classes balanced, but ${listed.join(', ')}` +
    `${drawn.length > 10 ? ` and ${drawn.length - 10} more classes have too few` : ''}; ask for fewer, or write no seed.`;
  problems.push({ pointer, message });
  return new Int32Array(0);
}

/** What is missing of the range start..end - 1, with what exists; null where all of it exists. */
function firstMissing(
  dataset: Pick<Dataset, 'manifest'>,
  split: Split,
  start: number,
  end: number,
): string | null {
  let reached = start;
  for (const segment of dataset.manifest.segments) {
    if (segment.split !== split || reached < segment.start || reached >= segment.start + segment.count)
      continue;
    reached = segment.start + segment.count;
    if (reached >= end) return null;
  }
  return reached >= end ? null : existing(dataset, split);
}

function existing({ manifest }: Pick<Dataset, 'manifest'>, split: Split): string {
  const ranges = manifest.segments
    .filter((segment) => segment.split === split)
    .map(({ start, count }) => `${start}..${start + count - 1}`);
  const kind = split === 'train' ? 'training' : 'test';
  if (ranges.length === 0) return `${manifest.name} has no ${kind} images`;
  return `of ${manifest.name} the ${kind} images ${ranges.join(', ')} exist`;
}
