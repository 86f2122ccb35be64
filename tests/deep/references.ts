/** The high-precision references of scripts/deep, and how results are held against them. */
import { readFileSync } from 'node:fs';
import type { ImageBlock } from '@tessera/engine';
import type { Activation, Family, KernelName, Normalization, Padding } from '@tessera/spec';

/** What the product promises (relative; predictions to the largest of their block). */
export const tolerance = 1e-8;
/**
 * A chaotic network's predictions die out as (chi_c / chi_1)^depth, the last digits of kernels of size 1: what is
 * right is then their difference from labels of size 1, not the digits of a prediction of 1e-16.
 */
export const leastPrediction = 1e-6;
/** Promised of float32 at depth 100: of every bulk eigenvalue. */
export const f32Tolerance = 5e-5;
export const smallestNormalFloat32 = 2 ** -126;

/** Rows of images x classes one after the other. */
type Predictions = number[];

/** One kernel matrix of one depth; `eigenvalues` ascending. */
export interface ReferenceKernel {
  eigenvalues: number[];
  /** Theta_t Theta^-1 Y on the test images, Y centred over the training images. */
  mean: Predictions;
}

/** With regression and gradient flow, in the order of the fixture's `diagReg` and `times`. */
export interface ReferenceAnalysis extends ReferenceKernel {
  regression: { test: Predictions; trainLoss: number }[];
  dynamics: { test: Predictions; trainLoss: number }[];
  /** LAPACK's Cholesky of the exact kernel, rounded to float64, fails. */
  choleskyFails: boolean;
}

interface Fixture {
  shape: [height: number, width: number, channels: number];
  classes: number;
  trainLabels: number[];
  testLabels: number[];
}

interface Case {
  name: string;
  activation: Activation;
  weightVariance: number;
  biasVariance: number;
}

export interface FcnCase extends Case {
  normalization: 'none' | 'standardize';
  rows: (Record<KernelName, ReferenceAnalysis> & { depth: number })[];
}

export interface CnnCase extends Case {
  padding: Padding;
  rows: (Record<CnnFamily, Record<KernelName, ReferenceKernel>> & { depth: number })[];
}
export type CnnFamily = Exclude<Family, 'fcn'>;

export interface FcnFixture extends Fixture {
  times: number[];
  diagReg: number[];
  /** Bytes, one row an image, training images first. */
  images: Record<FcnCase['normalization'], number[][]>;
  cases: FcnCase[];
}

export interface CnnFixture extends Fixture {
  filterSize: number;
  images: number[][];
  cases: CnnCase[];
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));
export const fcnFixture = () => read('fcn') as FcnFixture;
export const cnnFixture = () => read('cnn') as CnnFixture;

export const kernels = ['nngp', 'ntk'] as const satisfies KernelName[];

/** What an engine gets: the fixture's bytes normalized, which is exact in float64 (scripts/deep/images.py). */
export function imageBlock(
  images: readonly number[][],
  normalization: Normalization & ('none' | 'standardize'),
  [height, width, channels]: Fixture['shape'],
  key: string,
): ImageBlock {
  const pixels = Uint8Array.from(images.flat());
  const [offset, factor] = normalization === 'none' ? [0, 1] : [128, 1 / 64];
  return {
    key,
    count: images.length,
    shape: { height, width, channels },
    data: Float64Array.from(pixels, (byte) => (byte - offset) * factor),
    bytes: { pixels, normalization: { kind: 'shared', offset, factor } },
  };
}

/** Largest relative error of any number, each against itself; infinite where one is missing or no number. */
export function eachError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] as number) / (expected[i] as number) - 1);
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }
  return worst;
}

/** `eachError` of all eigenvalues but the largest, those that are at least `least`. */
export function bulkError(
  actual: ArrayLike<number> | null,
  expected: readonly number[],
  least: number,
): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY;
  const held = expected.flatMap((value, i) => (i < expected.length - 1 && value >= least ? [i] : []));
  return eachError(
    held.map((i) => actual[i] as number),
    held.map((i) => expected[i] as number),
  );
}

/** Largest difference over the largest expected number, or over `least` where all are smaller. */
export function blockError(actual: ArrayLike<number>, expected: ArrayLike<number>, least = 0): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, largest] = [0, least];
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs((actual[i] as number) - (expected[i] as number));
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
    largest = Math.max(largest, Math.abs(expected[i] as number));
  }
  return difference / largest;
}

/** lambdaMax / mean of the other eigenvalues, from ascending ones. */
export function kappaOf(eigenvalues: readonly number[]): number {
  const bulk = eigenvalues.slice(0, -1);
  return (eigenvalues.at(-1) as number) / (bulk.reduce((sum, value) => sum + value, 0) / bulk.length);
}

/** Worst error of each quantity over a case, with the place where it is. */
export class WorstErrors {
  private readonly worst = new Map<string, { error: number; place: string }>();

  add(quantity: string, place: string, error: number): void {
    const known = this.worst.get(quantity);
    if (!known || !(error <= known.error)) this.worst.set(quantity, { error, place });
  }

  toString(): string {
    return [...this.worst]
      .map(([quantity, { error, place }]) => `${quantity} ${error.toExponential(1)} (${place})`)
      .join(', ');
  }

  /** Those above the tolerance: what a test expects to be empty. */
  above(tolerance: number): string[] {
    return [...this.worst]
      .filter(([, { error }]) => !(error <= tolerance))
      .map(([quantity, { error, place }]) => `${quantity} at ${place}: ${error.toExponential(2)}`);
  }
}
