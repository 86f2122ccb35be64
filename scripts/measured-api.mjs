/**
 * The real API process, with its dispatcher, over an embedded Postgres in a temporary folder, and no worker: what the
 * measurements of many tiles stand on.
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

/** One kernel of tiles of one image: 1,413 images are 998,991 tiles. */
export const manyTiles = (images) => ({
  name: 'many tiles',
  dataset: { id: 'synthetic', train: images },
  architecture: { family: 'fcn', activation: { name: 'relu' } },
  grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [1] },
  tileSize: 1,
  keep: { kernels: 'none' },
});

/**
 * Runs `measure` with the API's address, a connected pg client and the API's pid; stops and deletes everything then.
 */
export async function withMeasuredApi(measure) {
  const path = await mkdtemp(join(tmpdir(), 'tessera-measured-'));
  const folder = await holdDataFolder(path);
  const postgres = await startPostgres({ folder, log: () => {} });
  const client = new pg.Client({ connectionString: postgres.url });
  let api = null;
  try {
    await migrate(postgres.url);
    api = spawn(process.execPath, [join(root, 'services/api/dist/main.js')], {
      env: { ...process.env, TESSERA_DATABASE_URL: postgres.url, TESSERA_DATA_DIR: path, TESSERA_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const url = await addressOf(api);
    await settled(url);
    await client.connect();
    await measure({ url, client, pid: api.pid });
  } finally {
    await client.end();
    if (api) {
      api.kill();
      await new Promise((done) => api.once('exit', done));
    }
    await postgres.stop();
    await folder.release();
    await rm(path, { recursive: true, force: true });
  }
}

/** Posts a spec. @returns {Promise<{id: string, progress: object}>} the experiment */
export async function post(url, spec) {
  const response = await fetch(`${url}/v1/experiments`, {
    method: 'POST',
    body: JSON.stringify(spec),
    headers: { 'content-type': 'application/json' },
  });
  if (response.status !== 202) throw new Error(await response.text());
  return response.json();
}

/** Train task rows that an experiment of one kernel has. @returns {Promise<number>} */
export async function taskRows(client, id) {
  const { rows } = await client.query(
    `SELECT index + 1 AS n FROM tasks WHERE experiment_id = $1 AND kernel_index = 0 AND wave = 'train' ORDER BY index DESC LIMIT 1`,
    [id],
  );
  return rows[0]?.n ?? 0;
}

/** The most memory a process has held. @returns {Promise<number>} MiB */
export async function peakMiB(pid) {
  const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(peak?.[1]) / 1024);
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
