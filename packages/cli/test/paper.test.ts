/** The reproduction's arithmetic and its report. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisRow } from '@tessera/spec';
import { expect, it } from 'vitest';
import { slopeOf } from '../src/paper/fit.js';
import { Report, verdictOf } from '../src/paper/report.js';
import { compareTableOne } from '../src/paper/table-one.js';
import {
  binByScale,
  boundaryText,
  boundaryVerdict,
  familiesText,
  halfwayMultiple,
  imagesText,
  precisionText,
} from '../src/paper/verdicts.js';
import { stubApi, tessera } from './stub-api.js';

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

it('the depth at which a map falls is read from its numbers, and so is its verdict', () => {
  const rows = (limit: number, phase: 'ordered' | 'chaotic') =>
    Array.from({ length: 60 }, (_, i) => {
      const accuracy = i / 2 < limit ? 1 : 0.1;
      return {
        phase,
        depth: i,
        xi1: phase === 'ordered' ? 2 : null,
        xiStar: phase === 'chaotic' ? 2 : null,
        dynamics: [{ trainAccuracy: accuracy, testAccuracy: accuracy }],
      };
    }) as unknown as AnalysisRow[];
  const halfway = (limit: number) => halfwayMultiple(binByScale(rows(limit, 'ordered'), 'ordered'), 0.1);
  expect(halfway(8)).toBeCloseTo(8, 1);
  expect([8, 3, 1000].map((limit) => boundaryVerdict(halfway(limit)))).toEqual(['agrees', 'near', 'differs']);
  const sentence = boundaryText([...rows(8, 'ordered'), ...rows(1000, 'chaotic')], 0.1);
  expect(sentence).toContain('at 8 ξ₁ (agrees)');
  expect(sentence).toContain('test accuracy does not fall half way to chance within these depths (differs)');
});

it('the sentence on CNNs is judged by how much nearer one family lies than the other', () => {
  const flattened = { kappa: 0.2, meanPredictor: 0.1, testLoss: 0.03 };
  const times = (factor: number) => ({ kappa: 1, meanPredictor: 0.5, testLoss: 0.03 * factor });
  expect(familiesText(flattened, times(10))).toMatch(/agrees. CNN-P lies 5 to 10 times as far/);
  expect(familiesText(flattened, times(1.5))).toMatch(/near/);
  expect(familiesText(flattened, times(0.5))).toMatch(/differs/);
  expect(familiesText(flattened, undefined)).toMatch(/none/);
});

it('the effect of N is told from the best weight variance of each map', () => {
  const run = (count: number, accuracies: readonly number[]) => ({
    count,
    rows: accuracies.map((testAccuracy, i) => ({
      depth: 40,
      weightVariance: 1 + i,
      regression: [{ testAccuracy }],
    })) as unknown as AnalysisRow[],
  });
  const runs = [run(64, [0.2, 0.3, 0.1]), run(256, [0.3, 0.4, 0.1]), run(1024, [0.4])];
  expect(imagesText(runs, 0.1)).toBe(
    'Verdict: the best weight variance does not move with N: at depth 40 it is 2, 2 for N = 64, 256, with test accuracy ' +
      '0.3, 0.4; at σ_w² = 3 accuracy is 0.1, 0.1, chance 0.1. N = 1024 was run on a part of the grid.',
  );
  expect(imagesText([run(64, [0.2, 0.3, 0.1]), run(256, [0.5, 0.4, 0.1])], 0.1)).toMatch(/moves by one step/);
  const spectrum = { status: 'ok', lambdaMax: 1, lambdaBulk: 1e-40 } as const;
  expect(precisionText([spectrum])).toBe(
    'Verdict: of 1 spectra all are resolved, down to λ_bulk = 1.00 x 10^-40 λ_max.',
  );
});

it('--plan tells what each experiment would take and starts none', async () => {
  const plan = {
    kernels: 3,
    tiles: 30,
    analyses: 9,
    strips: 3,
    bytes: { kept: 1000, temporary: 2_000_000, free: null },
    coreSeconds: 3600,
    seconds: 1800,
    warnings: ['It would be refused: the disk is full.'],
    spec: {},
  };
  const api = await stubApi({
    'POST /v1/plans': plan,
    'GET /v1/experiments': { items: [], nextCursor: null },
  });
  try {
    const args = ['paper', '--plan', '--scale', 'paper', '--only', '2,3', '--families', 'fcn,cnn-gap'];
    const { stdout, exitCode } = await tessera(args, { url: api.url });
    const lines = stdout.trimEnd().split('\n');
    expect(exitCode).toBe(0);
    expect(lines[1]).toMatch(/^spectrum-fcn +3 +30 +1 kB +2 MB +1 h +30 min$/);
    expect(lines[4]).toBe(
      'To run: 2 of 2 experiments, 2 h of one core, about 1 h on the cores there are, 2 kB kept.',
    );
    expect(lines[6]).toBe('spectrum-cnn-gap: It would be refused: the disk is full.');
    expect(new Set(api.requests)).toEqual(new Set(['POST /v1/plans', 'GET /v1/experiments']));
  } finally {
    await api.close();
  }
});
