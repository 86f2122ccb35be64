/** The coordinates: what each position of a dimension stands for. */
import { type Problem, TesseraError } from '@tessera/spec';
import { type ArrayDescription, eigenvalueCount } from './arrays.js';
import type { ExperimentLayout } from './experiment-layout.js';
import { bytesOf } from './number-bytes.js';

type Coordinate =
  | {
      type: '<f8' | '<i4';
      values: readonly number[] | Int32Array;
      description: string;
    }
  | { type: 'string'; values: readonly string[]; description: string };

function count(length: number): number[] {
  return Array.from({ length }, (_, position) => position);
}

function coordinates(layout: ExperimentLayout): Record<string, Coordinate> {
  const { axes, train, test } = layout;
  const hasTest = test.length > 0;
  const trainImages: Coordinate = {
    type: '<i4',
    values: train,
    description: 'index of a training image',
  };
  return {
    kernel: {
      type: 'string',
      values: axes.kernels,
      description: 'nngp or ntk',
    },
    weight_variance: {
      type: '<f8',
      values: axes.weightVariance,
      description: 'sigma_w^2',
    },
    bias_variance: {
      type: '<f8',
      values: axes.biasVariance,
      description: 'sigma_b^2',
    },
    depth: {
      type: '<i4',
      values: axes.depth,
      description: 'number of blocks [activation, Dense or Conv]',
    },
    train: trainImages,
    train_2: trainImages,
    ...(hasTest
      ? {
          test: {
            type: '<i4',
            values: test,
            description: 'index of a test image',
          },
        }
      : {}),
    ...(eigenvalueCount(layout) > 0
      ? {
          eigenvalue: {
            type: '<i4',
            values: count(eigenvalueCount(layout)),
            description: 'position, ascending',
          },
        }
      : {}),
    ...(axes.times.length > 0
      ? {
          time: {
            type: '<f8',
            values: axes.times,
            description:
              'time t of the gradient flow exp(-eta Theta t): steps of gradient descent at the learning rate eta',
          },
        }
      : {}),
    ...(axes.diagReg.length > 0
      ? {
          diag_reg: {
            type: '<f8',
            values: axes.diagReg,
            description: 'ridge, in units of the mean diagonal',
          },
        }
      : {}),
    class: {
      type: '<i4',
      values: count(layout.classes),
      description: 'class of a label',
    },
  };
}

/** The coordinate arrays: one dimension, one chunk, named after the dimension. */
export function coordinateArrays(layout: ExperimentLayout): ArrayDescription[] {
  return Object.entries(coordinates(layout)).map(([name, { type, values }]) => ({
    name,
    role: 'coordinate',
    dtype: type,
    shape: [values.length],
    dimensions: [name],
    chunkShape: [values.length],
    shardShape: null,
  }));
}

/** What the coordinate means, for the array's attributes. */
export function coordinateDescription(layout: ExperimentLayout, dimension: string): string {
  return coordinateOf(layout, dimension).description;
}

/** The one chunk of a coordinate array, without its checksum. */
export function coordinateChunk(layout: ExperimentLayout, dimension: string): Uint8Array {
  const { type, values } = coordinateOf(layout, dimension);
  if (type === 'string') return encodeStrings(values);
  return bytesOf(type === '<f8' ? Float64Array.from(values) : Int32Array.from(values));
}

/** Zarr's `vlen-utf8`: the number of strings, then each one's length and bytes. */
function encodeStrings(strings: readonly string[]): Uint8Array {
  const length = (value: number) => {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const items = strings.map((text) => Buffer.from(text, 'utf8'));
  return Buffer.concat([length(items.length), ...items.flatMap((item) => [length(item.byteLength), item])]);
}

function coordinateOf(layout: ExperimentLayout, dimension: string): Coordinate {
  const coordinate = Object.entries(coordinates(layout)).find(([name]) => name === dimension)?.[1];
  if (coordinate === undefined) throw new TesseraError('internal', `There is no coordinate ${dimension}.`);
  return coordinate;
}

/** The query parameter that selects along a dimension: `weight_variance` is `weightVariance`, `train_2` is `train2`. */
export function dimensionParameter(dimension: string): string {
  return dimension.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** More coordinates than this are not all listed in a problem. */
const listedCoordinates = 100;

/**
 * The position of a coordinate given as text, matched exactly by value ('1.50' is 1.5); or the problem, which lists
 * the coordinates there are.
 */
export function selectByCoordinate(
  layout: ExperimentLayout,
  dimension: string,
  text: string,
): { index: number } | { problem: Problem } {
  const { type, values } = coordinateOf(layout, dimension);
  const wanted = type === 'string' ? text : decimalNumber(text);
  const index = (values as readonly (number | string)[]).indexOf(wanted);
  if (index !== -1) return { index };
  const listed = Array.from(values as ArrayLike<number | string>).slice(0, listedCoordinates);
  const more = values.length > listed.length ? `, ... (${values.length} in all)` : '';
  const parameter = dimensionParameter(dimension);
  return {
    problem: {
      pointer: `/${parameter}`,
      message: `is none of the coordinates ${listed.join(', ')}${more}`,
    },
  };
}

/** The number a decimal text stands for, NaN for anything else ('' and '0x10' are numbers to JavaScript). */
function decimalNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
