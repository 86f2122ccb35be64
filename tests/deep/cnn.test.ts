/** Convolutional networks with both readouts against 112-digit arithmetic, to depth 300. */
import { type Engine, oracleEngine } from '@tessera/engine';
import { openNativeEngine } from '@tessera/engine-native';
import { afterAll, describe, expect, it } from 'vitest';
import { analyze } from './analyze.js';
import {
  blockError,
  type CnnCase,
  type CnnFamily,
  cnnFixture,
  eachError,
  imageBlock,
  kappaOf,
  WorstErrors,
} from './references.js';

/** What the product promises (relative; predictions to the largest of their block). */
const tolerance = 1e-8;
/** A chaotic network's predictions die out with depth; labels are of size 1. */
const leastPrediction = 1e-6;
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

async function compare(
  engine: Engine,
  network: CnnCase,
  family: CnnFamily,
  deepest = Number.POSITIVE_INFINITY,
): Promise<WorstErrors> {
  const rows = network.rows.filter(({ depth }) => depth <= deepest);
  const answers = await analyze(engine, {
    task: {
      architecture: {
        family,
        activation: network.activation,
        filterSize: fixture.filterSize,
        padding: network.padding,
      },
      weightVariance: network.weightVariance,
      biasVariance: network.biasVariance,
      depths: rows.map(({ depth }) => depth),
      kernels: ['nngp', 'ntk'],
      precision: 'f64',
      referenceVariance: 1,
      rows: trainImages,
    },
    test: testImages,
    times: [],
    diagReg: [],
    ...fixture,
  });
  const worst = new WorstErrors();
  for (const { depth, kernel, route, spectrum, mean } of answers) {
    const expected = rows.find((row) => row.depth === depth)?.[family][kernel];
    if (!expected) throw new Error(`no reference at depth ${depth}`);
    const add = (quantity: string, error: number) =>
      worst.add(quantity, `${kernel}, depth ${depth}, ${route}`, error);
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
});
