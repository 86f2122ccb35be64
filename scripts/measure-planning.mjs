/**
 * `node scripts/measure-planning.mjs [IMAGES]`: how long an experiment of many tiles takes from its POST to its last
 * task row, and what the API process holds meanwhile. Tiles of one image: 1,413 images (the default) are 998,991 tiles.
 * The real API process, with its dispatcher, over an embedded Postgres in a temporary folder; no worker.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(join(root, 'packages/database/package.json'));
const pg = require('pg');
const load = (name) => import(pathToFileURL(join(root, `packages/${name}/dist/index.js`)).href);
const { holdDataFolder, startPostgres } = await load('embedded');
const { migrate } = await load('database');

const images = Number(process.argv[2] ?? 1413);
const spec = {
  name: 'many tiles',
  dataset: { id: 'synthetic', train: images },
  architecture: { family: 'fcn', activation: { name: 'relu' } },
  grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [1] },
  tileSize: 1,
  keep: { kernels: 'none' },
};

const path = await mkdtemp(join(tmpdir(), 'tessera-planning-'));
const folder = await holdDataFolder(path);
const postgres = await startPostgres({ folder, log: () => {} });
let api = null;
try {
  await migrate(postgres.url);
  api = spawn(process.execPath, [join(root, 'services/api/dist/main.js')], {
    env: { ...process.env, TESSERA_DATABASE_URL: postgres.url, TESSERA_DATA_DIR: path, TESSERA_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await addressOf(api);
  await settled(url);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const post = () =>
    fetch(`${url}/v1/experiments`, {
      method: 'POST',
      body: JSON.stringify(spec),
      headers: { 'content-type': 'application/json' },
    });
  const started = performance.now();
  const response = await post();
  const posted = performance.now();
  if (response.status !== 202) throw new Error(await response.text());
  const { id, progress } = await response.json();
  let slowest = 0;
  let rows = 0;
  let firstRows = null;
  // The API must answer meanwhile.
  while (rows < progress.tiles.total) {
    const asked = performance.now();
    const shown = await fetch(`${url}/v1/experiments/${id}`);
    await shown.arrayBuffer();
    slowest = Math.max(slowest, performance.now() - asked);
    const made = await client.query(
      `SELECT index + 1 AS n FROM tasks WHERE experiment_id = $1 AND kernel_index = 0 AND wave = 'train' ORDER BY index DESC LIMIT 1`,
      [id],
    );
    rows = made.rows[0]?.n ?? 0;
    firstRows ??= rows > 0 ? performance.now() : null;
    await sleep(10);
  }
  const last = performance.now();
  const cancelling = performance.now();
  const cancelled = await fetch(`${url}/v1/experiments/${id}/cancel`, { method: 'POST' });
  if (cancelled.status !== 202) throw new Error(await cancelled.text());
  const seconds = (from, to) => `${((to - from) / 1000).toFixed(2)} s`;
  const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${api.pid}/status`, 'utf8'));
  console.log(`${rows.toLocaleString('en-US')} task rows`);
  console.log(`POST to its answer            ${seconds(started, posted)}`);
  console.log(`POST to the first rows        ${seconds(started, firstRows)}`);
  console.log(`POST to the last row          ${seconds(started, last)}`);
  console.log(`slowest GET meanwhile         ${(slowest / 1000).toFixed(2)} s`);
  console.log(`cancel                        ${seconds(cancelling, performance.now())}`);
  console.log(`API process at its peak       ${Math.round(Number(peak?.[1]) / 1024)} MiB`);
  await client.end();
} finally {
  if (api) {
    api.kill();
    await new Promise((done) => api.once('exit', done));
  }
  await postgres.stop();
  await folder.release();
  await rm(path, { recursive: true, force: true });
}

/** The address in the log line that says it listens. */
async function addressOf(child) {
  let log = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(log)));
    child.stdout.on('data', (bytes) => {
      log += bytes;
      const line = log.split('\n').find((text) => text.includes('"msg":"listening"'));
      if (line) resolve(JSON.parse(line).url);
    });
  });
}

/** Waits until the synthetic data set is imported: planning is measured, not the import. */
async function settled(url) {
  for (;;) {
    const { items } = await (await fetch(`${url}/v1/datasets`)).json();
    if (items.some(({ name }) => name === 'synthetic')) return;
    await sleep(100);
  }
}
