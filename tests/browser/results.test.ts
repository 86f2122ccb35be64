/** The figures of results, comparisons and theory, in real Chromium: drawn, linked, shared by address, saved. */
import { TesseraClient } from '@tessera/client';
import type { AnalysisRow, ExperimentSpecInput } from '@tessera/spec';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openProcesses, type Processes } from '../processes.js';
import { accessibilityBreaches, chromiumPath, launchChromium, openPage } from './browser.js';
import { csvRows, npyRows, readPng, saveFigure } from './saved-file.js';

const spec: ExperimentSpecInput = {
  name: 'a small map',
  dataset: { id: 'synthetic', train: 20, test: 10 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1, 1.5, 2, 3], biasVariance: [0.1], depth: [1, 4, 16] },
  kernels: ['ntk', 'nngp'],
  analysis: { spectrum: 'full', dynamics: { times: [8, 512] } },
  keep: { kernels: 'all' },
};
const ofResults = [
  ['Accuracy', 'accuracy-map', 12],
  ['Phase diagram', 'phase-diagram', 1],
  ['Learning curves', 'learning-curves', 1],
  ['Spectrum', 'spectrum', 20],
  ['Spectrum against depth', 'spectrum-depth', 6],
  ['Condition κ', 'kappa-map', 12],
  ['Mean predictor', 'mean-predictor', 6],
  ['Kernel matrix', 'kernel-matrix', 400],
] as const;
const ofComparison = [
  ['On the same axes', 'compare-maps', 24],
  ['Differences from the first', 'difference-map', 12],
  ['Against depth', 'compare-lines', 6],
] as const;
const ofTheory = [
  ['Phase diagram', 'phase-diagram', 1],
  ['Correlation map', 'correlation-map', 1],
  ['Depth scales', 'depth-scales', 1],
] as const;

vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(chromiumPath === null)('the figures', () => {
  let processes: Processes;
  let browser: Browser;
  let client: TesseraClient;
  let url: string;
  let ids: string[];

  beforeAll(async () => {
    [processes, browser] = await Promise.all([openProcesses(), launchChromium()]);
    processes.start('worker');
    processes.start('aggregator');
    url = await processes.start('api').ready();
    client = new TesseraClient(url);
    const made = await Promise.all([
      client.createExperiment(spec),
      client.createExperiment({
        ...spec,
        name: 'with relu',
        architecture: { family: 'fcn', activation: { name: 'relu' } },
      }),
    ]);
    ids = made.map(({ id }) => id);
    for (const id of ids) expect((await client.waitFor(id)).state).toBe('completed');
  });
  afterAll(async () => {
    await browser?.close();
    await processes?.close();
  });

  for (const [what, path, figures, kinds] of [
    ['results', () => `/experiments/${ids[0]}/results?at=t512`, ofResults, 'SVG, PDF, PNG, CSV and .npy'],
    // By the same menu: what differs is what is drawn.
    ['a comparison', () => `/compare?ids=${ids.join(',')}`, ofComparison, 'SVG, CSV and .npy'],
    ['theory', () => '/theory?sw2=2', ofTheory, 'SVG, CSV and .npy'],
  ] as const) {
    it(`of ${what} are drawn, and saved as ${kinds}`, async () => {
      const { page, complaints } = await openPage(browser, url + path());
      for (const [title, name, leastRows] of figures) {
        const width = await checkFigure(page, title, name);
        if (kinds.includes('PDF')) await checkPrint(page, title, width);
        await checkTable(page, title, leastRows);
      }
      expect(await accessibilityBreaches(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    });
  }

  it('save the numbers that the service has', async () => {
    const { page } = await openPage(browser, `${url}/experiments/${ids[0]}/results?at=t512`);
    const rows: AnalysisRow[] = [];
    for await (const row of client.analyses(ids[0] as string, { kernel: 'ntk' })) rows.push(row);
    const saved = npyRows(await saveFigure(page, 'Accuracy', '.npy'));
    expect(saved).toHaveLength(rows.length);
    for (const { weight_variance, depth, train_accuracy, test_accuracy } of saved) {
      const row = rows.find((one) => one.weightVariance === weight_variance && one.depth === depth);
      const flow = row?.dynamics.find(({ time }) => time === 512);
      expect([train_accuracy, test_accuracy]).toEqual([flow?.trainAccuracy, flow?.testAccuracy]);
    }
    await page.close();
  });

  it('follow one another: a cell that is clicked is the point of all of them, and of the address', async () => {
    const { page } = await openPage(browser, `${url}/experiments/${ids[0]}/results`);
    const map = page.getByRole('application', { name: 'Accuracy: arrow keys', exact: false });
    const { width, height } = (await map.boundingBox()) as { width: number; height: number };
    // The left map's first column and last row: the smallest weight variance, the greatest depth.
    await map.click({ position: { x: width * 0.12, y: height * 0.25 } });
    const point = page.getByRole('region', { name: 'At this point' });
    await point.getByRole('heading', { name: 'σw² = 1, σb² = 0.1, depth 16' }).waitFor();
    await map.press('ArrowRight');
    await map.press('ArrowDown');
    await point.getByRole('heading', { name: 'σw² = 1.5, σb² = 0.1, depth 4' }).waitFor();
    await page.getByRole('combobox', { name: 'Kernel' }).selectOption('nngp');

    // Whoever gets the address sees the same.
    const other = await openPage(browser, page.url());
    const shown = other.page.getByRole('region', { name: 'At this point' });
    await shown.getByRole('heading', { name: 'NNGP at σw² = 1.5, σb² = 0.1, depth 4' }).waitFor();
    const [mine, theirs] = await Promise.all(
      [page, other.page].map(async (one) => {
        await one.getByLabel('Save Kernel matrix', { exact: true }).waitFor();
        return (await saveFigure(one, 'Spectrum', 'CSV')).bytes.toString();
      }),
    );
    expect(mine).toBe(theirs);
    await Promise.all([page.close(), other.page.close()]);
  });

  it('show a matrix closer, streamed at the resolution shown', async () => {
    const { page } = await openPage(browser, `${url}/experiments/${ids[0]}/results?order=file&depth=4`);
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await page.waitForURL(/zoom=5-15-5-15/);
    const title = page.getByText('rows 5 to 14 and columns 5 to 14', { exact: false });
    await title.waitFor({ state: 'attached' });
    const saved = csvRows(await saveFigure(page, 'Kernel matrix', 'CSV'));
    expect(saved).toHaveLength(100);
    const { searchParams } = new URL(page.url());
    const response = await client.openArray(ids[0] as string, 'ntk_train_train', {
      depth: 4,
      weightVariance: Number(searchParams.get('sw2') ?? (await pointWeight(page))),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const entry = (row: number, column: number) =>
      bytes.readDoubleLE(bytes.length - 8 * (400 - 20 * row - column));
    for (const { row, column, value } of saved)
      expect(Number(value)).toBeCloseTo(entry(Number(row), Number(column)), 12);
    await page.getByRole('button', { name: 'Whole' }).click();
    await page.getByText('rows 0 to 19 and columns 0 to 19', { exact: false }).waitFor({ state: 'attached' });
    await page.close();
  });

  it('are cited by the spec, the version and the checksums of what they show', async () => {
    const { page } = await openPage(browser, `${url}/experiments/${ids[0]}/results`);
    await page.getByText('Cite: spec, version, checksums').click();
    const cited = JSON.parse((await page.locator('.cite pre').textContent()) as string);
    expect(cited).toMatchObject({ experiment: ids[0], name: spec.name, spec: { grid: spec.grid } });
    expect(JSON.stringify(cited)).toMatch(/[0-9a-f]{64}/);
    await page.close();
  });
});

const pointWeight = (page: Page) => page.getByRole('combobox', { name: 'Point: σw²' }).inputValue();

/** A figure on the page, and its SVG. @returns its width in pixels */
async function checkFigure(page: Page, title: string, name: string): Promise<number> {
  const figure = page.locator('figure.figure', { has: page.getByLabel(`Save ${title}`, { exact: true }) });
  const svg = figure.locator('.figure-drawing svg').first();
  await svg.waitFor();
  expect(await svg.locator('path, rect, circle, image').count(), title).toBeGreaterThan(3);
  const width = Number(await svg.getAttribute('width'));
  const caption = await figure.locator('figcaption').textContent();
  expect((caption as string).length, title).toBeGreaterThan(40);
  const vectors = await saveFigure(page, title, 'SVG');
  expect(vectors.name).toBe(`${name}.svg`);
  const text = vectors.bytes.toString('utf8');
  expect(text).toMatch(
    new RegExp(`^<svg xmlns="http://www.w3.org/2000/svg" width="${width}"[\\s\\S]*</svg>$`),
  );
  // It stands alone: nothing is loaded from elsewhere.
  expect(text.match(/href="(?!data:image\/png;base64,)/g)).toBeNull();
  return width;
}

async function checkPrint(page: Page, title: string, width: number): Promise<void> {
  const pdf = (await saveFigure(page, title, 'PDF, 6.75 in')).bytes.toString('latin1');
  expect(pdf).toMatch(/^%PDF-1\.\d[\s\S]*%%EOF\s*$/);
  // 6.75 inches wide, with its font within.
  expect(pdf).toMatch(/\/MediaBox \[0 0 486 /);
  expect(pdf).toMatch(/\/FontFile2/);
  const picture = readPng(await saveFigure(page, title, 'PNG'));
  expect(picture.width, title).toBe(2 * width);
  expect(picture.bytesUsed, title).toBeGreaterThan(8);
}

/** CSV and .npy: the same numbers. */
async function checkTable(page: Page, title: string, leastRows: number): Promise<void> {
  const csv = csvRows(await saveFigure(page, title, 'CSV'));
  const npy = npyRows(await saveFigure(page, title, '.npy'));
  expect(csv.length, title).toBeGreaterThanOrEqual(leastRows);
  expect(npy).toHaveLength(csv.length);
  csv.forEach((row, i) => {
    for (const [column, written] of Object.entries(row)) {
      const stored = npy[i]?.[column];
      const value = typeof stored === 'number' ? (written === '' ? Number.NaN : Number(written)) : written;
      expect(stored, `${title}: ${column} of row ${i}`).toEqual(value);
    }
  });
}
