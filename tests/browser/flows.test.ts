/** What people do in the dashboard, in real Chromium, while processes are stopped, killed and started beside it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import { createKey, revokeKey } from '@tessera/database';
import { freePort } from '@tessera/embedded';
import type { ExperimentSpecInput } from '@tessera/spec';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openProcesses, type Processes, type ServiceProcess } from '../processes.js';
import { accessibilityBreaches, chromiumPath, launchChromium, openPage } from './browser.js';

/** A worker that was killed is missed after this time. */
const worker = { TESSERA_LEASE_MS: '1000' };

/** Some tiles of milliseconds. */
const quick: ExperimentSpecInput = {
  name: 'quick',
  dataset: { id: 'synthetic', train: 12, test: 4 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1, 2], biasVariance: [0.1], depth: [1, 3] },
  kernels: ['ntk'],
  tileSize: 6,
};
/** Tiles of about a second. */
const slow: ExperimentSpecInput = {
  ...quick,
  name: 'slow',
  dataset: { id: 'synthetic', train: 48 },
  architecture: { family: 'cnn-flatten', activation: { name: 'relu' } },
  grid: { weightVariance: [2], biasVariance: [0], depth: [800] },
  tileSize: 24,
};

vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(chromiumPath === null)('in the dashboard', () => {
  let processes: Processes;
  let browser: Browser;
  let api: ServiceProcess;
  /** The worker there is, if there is one: each test begins as it needs it. */
  let computing: ServiceProcess | null = null;
  let url: string;
  let client: TesseraClient;
  let port: number;

  const startApi = (env: Record<string, string> = {}) =>
    processes.start('api', { TESSERA_PORT: String(port), TESSERA_DRAIN_MS: '0', ...env });
  const startWorker = async () => {
    computing ??= processes.start('worker', worker);
    await computing.ready();
    return computing;
  };
  const stopWorker = async () => {
    computing?.child.kill('SIGTERM');
    await computing?.exit;
    computing = null;
  };

  beforeAll(async () => {
    [processes, browser, port] = await Promise.all([openProcesses(), launchChromium(), freePort()]);
    api = startApi();
    processes.start('aggregator');
    url = await api.ready();
    client = new TesseraClient(url);
  });
  afterAll(async () => {
    await browser?.close();
    await processes?.close();
  });

  it('an empty list offers the presets of the paper; one of them becomes an experiment that is watched to its end', async () => {
    const { page, complaints } = await openPage(browser, url);
    await page.getByRole('heading', { name: 'There is no experiment yet' }).waitFor();
    await page.getByRole('link', { name: 'A first look: a few seconds of work' }).click();
    await page.getByText('8 kernels, 80 tiles of 16 images a side').waitFor();

    // A mistake is told at its field, and nothing can be started before it is mended.
    const depths = page.getByLabel('depth', { exact: true }).last();
    await page.getByLabel('training images').last().fill('three');
    await page.locator('.field.faulty', { hasText: 'training images' }).waitFor();
    expect(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('training images').last().fill('24');
    await depths.first().waitFor();
    await page.getByText('8 kernels, 24 tiles of 16 images a side').waitFor();

    await page.getByLabel('name', { exact: true }).fill('from a preset');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.waitForURL(/\/experiments\/[^/]+$/);
    await page.getByRole('heading', { name: 'from a preset' }).waitFor();
    await page.getByText('24 pending').waitFor();
    await page
      .getByText('No worker has said that it lives', { exact: false })
      .or(page.locator('tr'))
      .first()
      .waitFor();
    expect(await stateOf(page)).toMatch(/queued|running/);
    await startWorker();
    await sees(page, 'completed');
    await page.getByText('24 done').waitFor();
    await page.getByText('24 of 24').waitFor();
    await page.getByText('Took', { exact: false }).waitFor();
    expect(await accessibilityBreaches(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('an experiment is cancelled, tried again, and deleted', async () => {
    await stopWorker();
    const { id } = await client.createExperiment({ ...quick, name: 'stopped half way' });
    const { page, complaints } = await openPage(browser, `${url}/experiments/${id}`);
    await page.getByText('6 pending').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await sees(page, 'cancelled');
    await page.getByText('the experiment is cancelled', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await startWorker();
    await sees(page, 'completed');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${url}/`);
    await page.getByRole('heading', { name: 'Experiments', level: 1 }).waitFor();
    expect(await page.getByText('stopped half way').count()).toBe(0);
    await expect(client.getExperiment(id)).rejects.toMatchObject({ code: 'not-found' });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('the death of a worker is seen, and what it held is computed by the next one', async () => {
    const victim = await startWorker();
    const { id } = await client.createExperiment(slow);
    const { page, complaints } = await openPage(browser, `${url}/experiments/${id}`);
    await page.getByText(/[12] being computed/).waitFor();
    await killWhileItHolds(victim);
    computing = null;
    await startWorker();
    await sees(page, 'completed');
    const log = page.getByLabel('Log, newest first');
    await log
      .getByText(/tile \d of kernel 0 is tried again/)
      .first()
      .waitFor();
    const { progress } = await client.getExperiment(id);
    expect(progress.tiles).toMatchObject({ total: 3, done: 3, failed: 0 });
    expect(complaints).toEqual([]);
    await page.close();
  });

  async function killWhileItHolds(victim: ServiceProcess): Promise<void> {
    for (;;) {
      // It stands still while it is asked what it holds: nothing is accepted in between.
      victim.child.kill('SIGSTOP');
      if ((await processes.leasedTo(victim)) > 0) break;
      victim.child.kill('SIGCONT');
    }
    victim.child.kill('SIGKILL');
    await victim.exit;
  }

  it('failures are grouped by their cause, and one button computes again what failed', async () => {
    await stopWorker();
    const { id } = await client.createExperiment({ ...quick, name: 'on a bad disk' });
    const [dataset] = (await client.listDatasets({ limit: 10 })).items;
    const file = join(processes.dataDir, 'datasets', dataset?.sha256 as string, 'train-images.bin');
    const good = await readFile(file);
    await writeFile(file, Buffer.alloc(good.length));
    await startWorker();
    const { page, complaints } = await openPage(browser, `${url}/experiments/${id}`);
    await sees(page, 'failed');
    const failures = page.locator('.failures');
    await failures.getByText(/\d failed for good/).waitFor();
    expect(await failures.locator('li').count()).toBe(1);
    await failures.getByText(/Block 0 of train-images.bin .* is damaged/).waitFor();
    // A tile of the group opens on the map.
    await failures.getByRole('button', { name: 'tile 0 of kernel 0' }).click();
    const history = page.getByRole('region', { name: 'Tile 0 of kernel 0' });
    await history.getByText(/\d failed tries/).waitFor();
    expect(await accessibilityBreaches(page)).toEqual([]);
    await writeFile(file, good);
    await failures.getByRole('button', { name: 'Retry what failed' }).click();
    await sees(page, 'completed');
    await page.getByText('6 of 6').waitFor();
    await failures.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('a page outlives its server: it says that the server is away, and goes on when it is back', async () => {
    await stopWorker();
    const { id } = await client.createExperiment({ ...quick, name: 'through a restart' });
    const { page } = await openPage(browser, `${url}/experiments/${id}`);
    await page.getByText('6 pending').waitFor();
    api.child.kill('SIGKILL');
    await api.exit;
    await page.getByText('The server does not answer', { exact: false }).waitFor();
    expect(await page.getByText('6 pending').count()).toBe(1);
    api = startApi();
    await api.ready();
    await page.getByText('The server does not answer', { exact: false }).waitFor({ state: 'detached' });
    await startWorker();
    await sees(page, 'completed');
    await page.getByText('6 of 6').waitFor();
    await page.close();
  });

  it('what is not there, not answered or not yet read is said in words', async () => {
    await client.createExperiment({ ...quick, name: 'listed' });
    const { page } = await openPage(browser, `${url}/experiments/no-such-experiment`);
    await page.getByRole('alert').getByText('There is no experiment', { exact: false }).waitFor();
    expect(await accessibilityBreaches(page)).toEqual([]);

    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/v1/experiments?*', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(url);
    await page.getByRole('status').getByText('Loading', { exact: false }).waitFor();
    answer();
    await page.getByRole('link', { name: 'listed', exact: true }).waitFor();
    await page.unrouteAll();

    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByText('Nothing matches', { exact: false }).waitFor();

    await page.route('**/v1/**', (route) => route.abort());
    await page.goto(`${url}/cluster`);
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await accessibilityBreaches(page)).toEqual([]);
    await page.unrouteAll();
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Cluster' }).waitFor();
    await page.close();
  });

  it('a server with keys asks for one once, keeps a cookie that scripts cannot read, and forgets it on request', async () => {
    const { db } = processes;
    const made = { name: 'laptop of A', expiresAt: null };
    const admin = await createKey(db, { ...made, role: 'admin', project: '*' });
    const viewer = await createKey(db, { ...made, role: 'viewer', project: 'default' });
    const guarded = processes.start('api', { TESSERA_AUTH: 'required', TESSERA_DRAIN_MS: '0' });
    const door = await guarded.ready();
    const inside = new TesseraClient(door, { key: admin.key });
    await inside.createExperiment({ ...quick, name: 'kept safe' });
    const { page } = await openPage(browser, `${door}/cluster`);
    await page.getByRole('heading', { name: 'This server wants a key' }).waitFor();
    expect(await accessibilityBreaches(page)).toEqual([]);

    const begin = async (key: string) => {
      await page.getByLabel('Your key', { exact: false }).fill(key);
      await page.getByRole('button', { name: 'Begin a session' }).click();
    };
    await begin(`${admin.key.slice(0, -1)}!`);
    await page.getByText('This key is not known here', { exact: false }).waitFor();
    expect(await page.context().cookies()).toEqual([]);

    await begin(admin.key);
    await page.getByRole('heading', { name: 'Cluster', level: 1 }).waitFor();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    expect(cookie?.value).not.toContain(admin.key.slice(-43));
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await page.getByText('admin', { exact: false }).first().waitFor();
    // The key is in no storage and no address.
    expect(
      await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, location.href])),
    ).not.toContain('tessera_');

    await page.getByRole('button', { name: 'End session' }).click();
    await page.getByRole('heading', { name: 'This server wants a key' }).waitFor();
    expect(await page.context().cookies()).toEqual([]);

    // A viewer sees its project, and nothing that would change it.
    await begin(viewer.key);
    await page.getByRole('listitem', { name: 'kept safe' }).getByText('by laptop of A').waitFor();
    for (const name of ['New experiment', 'Clone kept safe', 'Cancel kept safe', 'Delete kept safe'])
      expect(await page.getByRole('link', { name }).or(page.getByRole('button', { name })).count()).toBe(0);
    // A key that is revoked takes its sessions along, whatever page is open.
    await revokeKey(db, viewer.info.id, '*');
    await page.getByRole('heading', { name: 'This server wants a key' }).waitFor();
    guarded.child.kill('SIGKILL');
    await page.close();
  });
});

const stateOf = async (page: Page) => (await page.locator('.page-head .state').textContent()) ?? '';

/** Waits until an experiment's page says that it is in this state. */
const sees = (page: Page, state: string) => page.locator('.page-head .state', { hasText: state }).waitFor();
