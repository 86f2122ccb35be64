/** What an importer hands over: the images and labels of a data set, readable more than once. */
import type { DatasetFacts, Problem, Split } from '@tessera/spec';
import { TesseraError } from '@tessera/spec';
import type { Dtype, SourceFile } from './manifest.js';

/** The images of one split that exist, in file order, without the gaps that missing files leave. */
export interface SplitContent {
  /** Class of each image that exists. */
  labels: Int32Array;
  /**
   * Every image that exists, (image, height, width, channels) or (image, inputs) row-major, little endian, in pieces
   * of any size. Called twice: once to check and name the content, once to store it. Each call starts anew.
   */
  images(): AsyncIterable<Uint8Array>;
}

/** A data set as its source describes it. `segments` say at which indices the images of the splits lie. */
export interface DatasetContent
  extends Pick<DatasetFacts, 'source' | 'name' | 'shape' | 'classes' | 'classNames' | 'segments'> {
  dtype: Dtype;
  /** True of made-up images. */
  synthetic: boolean;
  /** The files it was read from where they are a fixed set, else empty. Recorded, never compared. */
  sourceFiles: readonly SourceFile[];
  splits: Readonly<Record<Split, SplitContent>>;
}

/** The error of a data set that cannot be imported, with every problem found. */
export function invalidDataset(problems: readonly Problem[], cause?: unknown): TesseraError {
  const number = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const first = problems[0] ? `: ${problems[0].message}` : '.';
  return new TesseraError('invalid-dataset', `The data set has ${number}${first}`, { problems, cause });
}
