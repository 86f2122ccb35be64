/** Convolutional networks with both readouts against 112-digit arithmetic, to depth 300. */
import { type Engine, oracleEngine } from '@tessera/engine';
import { openNativeEngine } from '@tessera/engine-native';
import type { Precision } from '@tessera/spec';
import { afterAll, describe, expect, it } from 'vitest';
import { type Answer, analyze, placeOf } from './analyze.js';
import {
  blockError,
  bulkError,
  type CnnCase,
  type CnnFamily,
  cnnFixture,
  eachError,
  f32Tolerance,
  imageBlock,
  kappaOf,
  leastPrediction,
  type ReferenceKernel,
  smallestNormalFloat32,
  tolerance,
  WorstErrors,
} from './references.js';

const f32Depth = 100;
/** Depths that the scalar oracle reaches in seconds. */
const oracleDepth = 10;

const fixture = cnnFixture();
const train = fixture.trainLabels.length;
const trainImages = imageBlock(
  fixture.images.slice(0, train),
  'standardize',
  fixture.shape,
  'deep cnn train',
);
const testImages = imageBlock(fixture.images.slice(train), 'standardize', fixture.shape, 'deep cnn test');

function answersOf(
  engine: Engine,
  network: Pick<CnnCase, 'activation' | 'padding' | 'weightVariance' | 'biasVariance'>,
  family: CnnFamily,
  depths: number[],
  precision: Precision,
) {
  const { activation, padding, weightVariance, biasVariance } = network;
  return analyze(engine, {
    task: {
      architecture: { family, activation, filterSize: fixture.filterSize, padding },
      weightVariance,
      biasVariance,
      depths,
      kernels: ['nngp', 'ntk'],
      precision,
      referenceVariance: 1,
      rows: trainImages,
    },
    test: testImages,
    times: [],
    diagReg: [],
    ...fixture,
  });
}

function referenceOf(network: CnnCase, family: CnnFamily, { depth, kernel }: Answer): ReferenceKernel {
  const row = network.rows.find((candidate) => candidate.depth === depth);
  if (!row) throw new Error(`no reference at depth ${depth}`);
  return row[family][kernel];
}

async function compare(
  engine: Engine,
  network: CnnCase,
  family: CnnFamily,
  deepest = Number.POSITIVE_INFINITY,
): Promise<WorstErrors> {
  const depths = network.rows.map(({ depth }) => depth).filter((depth) => depth <= deepest);
  const worst = new WorstErrors();
  for (const answer of await answersOf(engine, network, family, depths, 'f64')) {
    const { spectrum, mean } = answer;
    const expected = referenceOf(network, family, answer);
    const add = (quantity: string, error: number) => worst.add(quantity, placeOf(answer), error);
    add('eigenvalues', eachError(spectrum.eigenvalues ?? [], expected.eigenvalues));
    add('kappa', eachError([spectrum.kappa ?? Number.NaN], [kappaOf(expected.eigenvalues)]));
    add('mean predictor', blockError(mean, expected.mean, leastPrediction));
  }
  return worst;
}

const families = ['cnn-flatten', 'cnn-gap'] as const satisfies CnnFamily[];
const all = fixture.cases.flatMap((network) =>
  families.map((family) => [`${family} ${network.name}`, family, network] as const),
);

describe('convolutional networks of images whose pixels differ in variance', () => {
  const native = openNativeEngine();
  const oracle = oracleEngine();
  afterAll(async () => {
    await native.close();
    await oracle.close();
  });

  it.each(all)(
    '%s: every eigenvalue and the mean predictor at every depth',
    async (name, family, network) => {
      const worst = await compare(native, network, family);
      console.log(`${name}, native: ${worst}`);
      expect(worst.above(tolerance)).toEqual([]);
    },
  );

  const ofTheOracle = ['erf-ordered-same', 'relu-ordered-circular', 'erf-chaotic-same'];
  it.each(all.filter(([, , { name }]) => ofTheOracle.includes(name)))(
    `%s: the oracle too, to depth ${oracleDepth}`,
    async (name, family, network) => {
      const worst = await compare(oracle, network, family, oracleDepth);
      console.log(`${name}, oracle: ${worst}`);
      expect(worst.above(tolerance)).toEqual([]);
    },
  );

  it.each(all)(
    `%s: float32 has every bulk eigenvalue at depth ${f32Depth}`,
    async (name, family, network) => {
      const worst = new WorstErrors();
      for (const answer of await answersOf(native, network, family, [f32Depth], 'f32')) {
        const expected = referenceOf(network, family, answer).eigenvalues;
        worst.add(
          'f32',
          placeOf(answer),
          bulkError(answer.spectrum.eigenvalues, expected, smallestNormalFloat32),
        );
      }
      console.log(`${name}, native: ${worst}`);
      expect(worst.above(f32Tolerance)).toEqual([]);
    },
  );
});
