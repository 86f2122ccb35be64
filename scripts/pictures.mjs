/**
 * `node scripts/pictures.mjs`: takes the README's pictures of the dashboard (docs/pictures), in Chromium without a screen,
 * of a stack of its own that computes one experiment on CIFAR-10 (TESSERA_CIFAR10_DIR). A minute or two.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import { startStack } from '@tessera/testkit';
import { chromium } from 'playwright-core';
import { findChromium } from './bootstrap/chromium.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const example = JSON.parse(await readFile(at('examples/heatmap-fcn.json'), 'utf8'));
/** Fewer test images, and tiles of which there are enough to see. */
const spec = { ...example, dataset: { ...example.dataset, test: 1000 }, tileSize: 64 };

const stack = await startStack({ workers: 1 });
const browser = await chromium.launch({
  executablePath: findChromium(),
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
try {
  const client = new TesseraClient(stack.url);
  const { id } = await client.createExperiment(spec);
  const { state } = await client.waitFor(id);
  if (state !== 'completed') throw new Error(`The experiment is ${state}.`);

  await take('new-experiment', '/new', 'light', 1120, async (page) => {
    await page.getByLabel('Start from').selectOption({ index: 1 });
    await page.getByText('of one core').waitFor();
    await page.locator('.facts.old').waitFor({ state: 'detached' });
  });
  await take('one-experiment', `/experiments/${id}`, 'light', 860);
  await take('results', `/experiments/${id}/results`, 'light', 1340);
  await take('theory', '/theory', 'dark', 1130);
} finally {
  await browser.close();
  await stack.stop();
}

/** @param {(page: import('playwright-core').Page) => Promise<void>} [prepare] */
async function take(name, path, theme, height, prepare) {
  const page = await browser.newPage({
    viewport: { width: 1280, height },
    deviceScaleFactor: 0.75,
    colorScheme: theme,
  });
  await page.goto(stack.url + path, { waitUntil: 'networkidle' });
  await page.getByRole('heading', { level: 1 }).waitFor();
  await prepare?.(page);
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: at(`docs/pictures/${name}.png`), animations: 'disabled' });
  await page.close();
  console.log(`docs/pictures/${name}.png`);
}
