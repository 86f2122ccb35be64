/** Where an experiment's numbers come from: kept with it, and written into its Zarr group. */
import { indicesSha256, type PlannedSpec } from './spec-intake.js';

/** Beyond this many scattered indices only their hash is kept; the array's coordinates have them all. */
const listedIndices = 100_000;

export interface SelectedImages {
  count: number;
  /** How they were chosen, as the spec says it. */
  rule: unknown;
  /** sha256 of the ascending indices as little-endian int32. */
  sha256: string;
  /** The indices in ascending order: a range where they are one, else a list; null for a very long list. */
  indices: { offset: number; count: number } | number[] | null;
}

export interface Provenance {
  createdBy: { software: 'tessera'; version: string };
  createdAt: string;
  dataset: {
    name: string;
    sha256: string;
    source: string;
    /** True of made-up images: no result of theirs says anything about real ones. */
    synthetic: boolean;
    shape: unknown;
    classes: number;
    classNames: string[] | null;
    /** What it was imported from (CIFAR-10's batches), and what is stored. */
    sourceFiles: readonly { name: string; sha256: string }[];
    files: readonly { name: string; sha256: string }[];
  };
  train: SelectedImages;
  test: SelectedImages;
}

export function provenanceOf(
  { spec, dataset, train, test }: PlannedSpec,
  version: string,
  now: Date,
): Provenance {
  const { manifest } = dataset;
  const { seed } = spec.dataset;
  return {
    createdBy: { software: 'tessera', version },
    createdAt: now.toISOString(),
    dataset: {
      name: dataset.name,
      sha256: dataset.sha256,
      source: manifest.source,
      synthetic: manifest.synthetic,
      shape: manifest.shape,
      classes: manifest.classes,
      classNames: manifest.classNames,
      sourceFiles: manifest.sourceFiles,
      files: manifest.files.map(({ name, sha256 }) => ({ name, sha256 })),
    },
    train: selectedImages(train, { select: spec.dataset.train, seed }),
    test: selectedImages(test, { select: spec.dataset.test, seed }),
  };
}

function selectedImages(indices: Int32Array, rule: { select: unknown; seed: number | null }): SelectedImages {
  const first = indices[0] ?? 0;
  const isRange = indices.every((index, position) => index === first + position);
  return {
    count: indices.length,
    // A listed selection is the list below.
    rule:
      typeof rule.select === 'object' && rule.select !== null && 'indices' in rule.select
        ? { select: 'indices' }
        : rule,
    sha256: indicesSha256(indices),
    indices: isRange
      ? { offset: first, count: indices.length }
      : indices.length <= listedIndices
        ? [...indices]
        : null,
  };
}
