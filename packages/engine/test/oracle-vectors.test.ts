import type { Activation } from '@tessera/spec';
import { expect, it } from 'vitest';
import { oracleEngine } from '../src/index.js';

/** x = (1, 2, 3), y = (3, -1, 2): [K11, K12, Theta11, Theta12] to twelve digits, worked out by hand (theory.md). */
const table: { activation: Activation; network: [number, number]; rows: [number, number[]][] }[] = [
  {
    activation: { name: 'erf' },
    network: [1.5, 0.05],
    rows: [
      [1, [1.126422984747, 0.497453555433, 3.13617642239, 0.9808113208]],
      [3, [0.67594964934, 0.311903220608, 3.811399381602, 1.049132380621]],
      [10, [0.602091610817, 0.356720933744, 9.183816267287, 2.231960267088]],
    ],
  },
  {
    activation: { name: 'relu' },
    network: [2, 0],
    rows: [
      [1, [4.666666666667, 2.841989644873, 9.333333333333, 4.397545200429]],
      [3, [4.666666666667, 3.444598230738, 18.666666666667, 8.109941836338]],
      [10, [4.666666666667, 4.189018072434, 51.333333333333, 19.172307123306]],
    ],
  },
];

it.each(table)('gives the printed kernels of two small vectors with $activation.name', async (example) => {
  const { activation, network, rows } = example;
  const block = { key: 'xy', count: 2, shape: { inputs: 3 }, data: Float64Array.of(1, 2, 3, 3, -1, 2) };
  const depths = rows.map(([depth]) => depth);
  const { nngp, ntk } = await oracleEngine().computeTile({
    architecture: { family: 'fcn', activation, filterSize: 3, padding: 'circular' },
    weightVariance: network[0],
    biasVariance: network[1],
    depths,
    kernels: ['nngp', 'ntk'],
    arrays: ['matrix'],
    referenceVariance: 4.5,
    precision: 'f64',
    rows: block,
    cols: null,
  });
  rows.forEach(([, expected], d) => {
    const [k, theta] = [nngp?.matrix, ntk?.matrix];
    const actual = [k?.[4 * d], k?.[4 * d + 1], theta?.[4 * d], theta?.[4 * d + 1]];
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] as number, 11);
  });
});
