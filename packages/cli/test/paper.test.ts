/** The reproduction's arithmetic and its report. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisRow } from '@tessera/spec';
import { expect, it } from 'vitest';
import { slopeOf } from '../src/paper/fit.js';
import { Report, verdictOf } from '../src/paper/report.js';
import { compareTableOne } from '../src/paper/table-one.js';

const experiment = {
  id: 'e',
  name: 'e',
  pixels: 1,
  isSynthetic: true,
  spec: {
    dataset: { train: 8 },
    architecture: { family: 'fcn', activation: { name: 'erf' }, padding: 'circular' },
  },
} as never;

it('a spectrum that follows Table 1 compares as 1, and one that decays twice as fast as 2', () => {
  const chi1 = 0.7250836; // sigma_w^2 = 1, sigma_b^2 = 0.18
  const rows = (power: number) =>
    Array.from({ length: 31 }, (_, i) => {
      const depth = 10 * i;
      const row = { kernel: 'nngp', weightVariance: 1, biasVariance: 0.18, depth, phase: 'ordered' };
      return { ...row, lambdaMax: 1, lambdaBulk: chi1 ** (power * depth), kappa: 1, meanPredictorNorm: 1 };
    }) as unknown as AnalysisRow[];
  const [right] = compareTableOne(experiment, rows(1), ['lambdaBulk']);
  expect(right).toMatchObject({ how: 'rate', from: 100, to: 300, points: 21, phase: 'ordered' });
  expect(right?.ratio).toBeCloseTo(1, 5);
  expect(compareTableOne(experiment, rows(2), ['lambdaBulk'])[0]?.ratio).toBeCloseTo(2, 5);
});

it('a slope is that of the least-squares line', () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2);
  expect([1.01, 0.95, 0.5].map(verdictOf)).toEqual(['agrees', 'near', 'differs']);
});

it('a section is replaced and the others stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-paper-'));
  try {
    const file = join(folder, 'report.md');
    await writeFile(file, '# Head\n\nWords.\n\n## 2. Two\n\nold\n');
    const report = new Report(file, folder);
    await report.write(1, 'One', 'first');
    await report.write(2, 'Two', 'new');
    expect(await readFile(file, 'utf8')).toBe('# Head\n\nWords.\n\n## 1. One\n\nfirst\n\n## 2. Two\n\nnew\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
