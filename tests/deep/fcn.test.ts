/** Fully connected networks against 400-digit arithmetic: spectra and predictors below float64's floor. */
import { type Engine, oracleEngine } from '@tessera/engine';
import { openNativeEngine } from '@tessera/engine-native';
import type { Precision } from '@tessera/spec';
import { afterAll, describe, expect, it } from 'vitest';
import { type Answer, analyze, placeOf } from './analyze.js';
import {
  blockError,
  bulkError,
  eachError,
  type FcnCase,
  f32Tolerance,
  fcnFixture,
  imageBlock,
  kappaOf,
  leastPrediction,
  type ReferenceAnalysis,
  smallestNormalFloat32,
  tolerance,
  WorstErrors,
} from './references.js';

const fixture = fcnFixture();
const train = fixture.trainLabels.length;

function answersOf(engine: Engine, { normalization, ...network }: FcnCase, precision: Precision) {
  const images = fixture.images[normalization];
  const block = (own: number[][], split: string) =>
    imageBlock(own, normalization, fixture.shape, `deep fcn ${normalization} ${split}`);
  return analyze(engine, {
    task: {
      architecture: {
        family: 'fcn',
        activation: network.activation,
        filterSize: 3,
        padding: 'circular',
      },
      weightVariance: network.weightVariance,
      biasVariance: network.biasVariance,
      depths: network.rows.map(({ depth }) => depth),
      kernels: ['nngp', 'ntk'],
      precision,
      referenceVariance: 1,
      rows: block(images.slice(0, train), 'train'),
    },
    test: block(images.slice(train), 'test'),
    ...fixture,
  });
}

const expectedOf = (network: FcnCase, { depth, kernel }: Answer) =>
  network.rows.find((row) => row.depth === depth)?.[kernel] as ReferenceAnalysis;

async function compare(engine: Engine, network: FcnCase): Promise<WorstErrors> {
  const worst = new WorstErrors();
  for (const answer of await answersOf(engine, network, 'f64')) {
    const expected = expectedOf(network, answer);
    const { spectrum } = answer;
    const add = (quantity: string, error: number) => worst.add(quantity, placeOf(answer), error);
    add('eigenvalues', eachError(spectrum.eigenvalues ?? [], expected.eigenvalues));
    add('kappa', eachError([spectrum.kappa ?? Number.NaN], [kappaOf(expected.eigenvalues)]));
    add('mean predictor', blockError(answer.mean, expected.mean, leastPrediction));
    for (const group of ['regression', 'dynamics'] as const) {
      const names = (group === 'regression' ? fixture.diagReg : fixture.times).map((value) => {
        return group === 'regression' ? `ridge ${value}` : `flow at ${value}`;
      });
      expected[group].forEach(({ test, trainLoss }, i) => {
        add(`${names[i]}`, blockError(answer[group][i] ?? [], test, leastPrediction));
        const loss = spectrum.train[group][i]?.loss ?? Number.NaN;
        // Labels are of size 1: what is left of the loss when they are learned is rounding.
        add(`train loss, ${names[i]}`, blockError([loss], [trainLoss], leastPrediction));
      });
    }
  }
  return worst;
}

describe('fully connected networks of images that are not on the sphere', () => {
  const native = openNativeEngine();
  const oracle = oracleEngine();
  afterAll(async () => {
    await native.close();
    await oracle.close();
  });

  it('the references hold cases where a float64 Cholesky fails, and cases where it does not', () => {
    const fails = fixture.cases.flatMap(({ rows }) =>
      rows.flatMap(({ nngp, ntk }) => [nngp.choleskyFails, ntk.choleskyFails]),
    );
    expect(fails.filter(Boolean).length).toBeGreaterThan(10);
    expect(fails.filter((failed) => !failed).length).toBeGreaterThan(10);
  });

  it.each(fixture.cases.map((network) => [network.name, network] as const))(
    '%s: every eigenvalue and prediction at every depth',
    async (name, network) => {
      const worst = await compare(native, network);
      console.log(`${name}, native: ${worst}`);
      expect(worst.above(tolerance)).toEqual([]);
    },
  );

  const ofTheOracle = ['erf-ordered', 'relu-ordered', 'gelu-critical', 'sin-chaotic'];
  it.each(
    fixture.cases
      .filter(({ name }) => ofTheOracle.includes(name))
      .map((network) => [network.name, network] as const),
  )('%s: the oracle too', async (name, network) => {
    const worst = await compare(oracle, network);
    console.log(`${name}, oracle: ${worst}`);
    expect(worst.above(tolerance)).toEqual([]);
  });

  it.each(fixture.cases.map((network) => [network.name, network] as const))(
    '%s: float32 has every bulk eigenvalue to depth 100',
    async (name, network) => {
      const worst = new WorstErrors();
      const shallow = { ...network, rows: network.rows.filter(({ depth }) => depth <= 100) };
      for (const answer of await answersOf(native, shallow, 'f32')) {
        const { eigenvalues } = expectedOf(network, answer);
        const error = bulkError(answer.spectrum.eigenvalues, eigenvalues, smallestNormalFloat32);
        worst.add(`f32 at depth ${answer.depth}`, placeOf(answer), error);
      }
      console.log(`${name}, native: ${worst}`);
      expect(worst.above(f32Tolerance)).toEqual([]);
    },
  );
});
