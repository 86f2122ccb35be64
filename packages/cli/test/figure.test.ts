import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fabricatedRows } from './fabricated-rows.js';
import { experimentIn, type StubApi, stubApi, tessera } from './stub-api.js';

let api: StubApi;
let folder: string;
const { spec } = experimentIn('completed');
const rows = fabricatedRows({ kernels: ['ntk'], weightVariances: [1, 1.5, 2], depths: [0, 1, 2, 5] });
const experiment = experimentIn('completed', {
  spec: {
    ...spec,
    grid: {
      weightVariance: [1, 1.5, 2],
      biasVariance: [rows[0]?.biasVariance as number],
      depth: [0, 1, 2, 5],
    },
    analysis: {
      ...spec.analysis,
      dynamics: { times: rows[0]?.dynamics.map(({ time }) => time) ?? [], learningRate: 'max' },
    },
  },
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-figure-'));
  api = await stubApi({
    'GET /v1/experiments/e1': experiment,
    'GET /v1/experiments/e1/analyses': { items: rows, nextCursor: null },
  });
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

async function draw(file: string, ...more: string[]) {
  const out = join(folder, file);
  const { exitCode, stderr } = await tessera(['figure', 'e1', 'accuracy-map', '--out', out, ...more], api);
  expect([exitCode, stderr]).toEqual([0, '']);
  return readFile(out);
}

describe('figure', () => {
  it('writes an SVG of print size, and what it draws as CSV and .npy', async () => {
    const csv = join(folder, 'map.csv');
    const svg = (await draw('map.svg', '--data', csv)).toString();
    expect(svg).toContain('width="3.25in"');
    expect((await readFile(csv, 'utf8')).split('\r\n')).toHaveLength(3 * 4 + 2);
    await draw('map.svg', '--data', join(folder, 'map.npy'));
    expect((await readFile(join(folder, 'map.npy'))).subarray(1, 6).toString()).toBe('NUMPY');
  });

  it('writes a PDF of the exact width whose font is embedded', async () => {
    const pdf = await draw('map.pdf', '--width', 'page');
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const text = pdf.toString('latin1');
    expect(text).toMatch(/\/MediaBox \[0 0 486 /);
    expect(text).toMatch(/\/FontFile2/);
    expect(text).toMatch(/\/BaseFont \/[A-Z]{6}\+Inter-Regular/);
    expect(text).not.toMatch(/\/BaseFont \/Helvetica/);
  });

  it('writes a PDF that poppler draws', async ({ skip }) => {
    await draw('page.pdf');
    const image = join(folder, 'page');
    try {
      execFileSync('pdftoppm', ['-r', '72', '-png', join(folder, 'page.pdf'), image], { stdio: 'pipe' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') skip('pdftoppm is not here');
      throw error;
    }
    expect((await readFile(`${image}-1.png`)).byteLength).toBeGreaterThan(2000);
  });

  it('writes a PNG of 300 dots an inch', async () => {
    const png = await draw('map.png');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(3.25 * 300);
  });

  it('says what it cannot draw', async () => {
    const out = join(folder, 'x.svg');
    const refusals = [
      [['figure', 'e1', 'map', '--out', out], 'accuracy-map'],
      [['figure', 'e1', 'accuracy-map', '--out', join(folder, 'x.gif')], '.svg, .pdf, .png'],
      [['figure', 'e1', 'accuracy-map', '--out', out, '--time', '1', '--diag-reg', '0'], 'not both'],
      [['figure', 'e1', 'compare-maps', '--out', out], '--with'],
    ] as const;
    for (const [args, message] of refusals) {
      const { exitCode, stderr } = await tessera([...args], api);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(message);
    }
  });
});
