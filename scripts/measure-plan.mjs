/**
 * `node scripts/measure-plan.mjs SPEC.json`: what a plan says of an experiment beside what it takes: seconds by the
 * clock and of one core, bytes kept and temporary, memory of the aggregator. A stack of its own in a temporary folder.
 */
import { spawn } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import { freePort } from '@tessera/embedded';

/** A stack that is not ready by then will not be. */
const startMs = 180_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const spec = await readFile(process.argv[2], 'utf8');
const folder = await mkdtemp(join(tmpdir(), 'tessera-plan-'));
const program = join(root, 'packages/cli/bin/tessera.js');
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const stack = spawn(process.execPath, [program, 'up', '--port', `${port}`, '--data-dir', folder], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
try {
  const client = new TesseraClient(url);
  await until(() =>
    client.ready().then(
      () => true,
      () => false,
    ),
  );
  const { children } = JSON.parse(await readFile(join(folder, 'stack.json'), 'utf8'));
  const computing = Object.entries(children).filter(([name]) => /^(worker|aggregator)/.test(name));
  await until(async () => (await readyOf(computing)) === computing.length);
  // A moment for what they measured to be written down.
  await sleep(1000);
  const dataset = JSON.parse(spec).dataset.id;
  await until(async () => (await get('/v1/datasets')).items.some(({ name }) => name === dataset));
  const plan = await post('/v1/plans');
  const cpuBefore = await cpuSeconds(computing);
  const baseline = await peakBytes(children.aggregator.pid);
  const started = performance.now();
  const { id } = await post('/v1/experiments');
  let temporary = 0;
  let experiment = null;
  do {
    await sleep(250);
    temporary = Math.max(temporary, await bytesOf(join(folder, 'experiments', `${id}.tmp`)));
    experiment = await get(`/v1/experiments/${id}`);
  } while (!['completed', 'failed', 'cancelled'].includes(experiment.state));
  const seconds = (performance.now() - started) / 1000;
  if (experiment.state !== 'completed') throw new Error(JSON.stringify(experiment.error));
  const rows = [
    ['seconds by the clock', plan.seconds, seconds],
    ['seconds of one core', plan.coreSeconds, (await cpuSeconds(computing)) - cpuBefore],
    ['MB kept', plan.bytes.kept / 1e6, (await bytesOf(join(folder, 'experiments', `${id}.zarr`))) / 1e6],
    ['MB temporary', plan.bytes.temporary / 1e6, temporary / 1e6],
    [
      'MB of the aggregator',
      plan.analysis.bytes / 1e6,
      ((await peakBytes(children.aggregator.pid)) - baseline) / 1e6,
    ],
  ];
  console.log(`${''.padEnd(24)}${['planned', 'taken', 'ratio'].map((text) => text.padStart(12)).join('')}`);
  for (const [what, planned, taken] of rows) {
    const numbers = [planned, taken, planned / taken].map((number) => number.toFixed(2).padStart(12));
    console.log(`${what.padEnd(24)}${numbers.join('')}`);
  }

  async function get(path) {
    return (await fetch(`${url}${path}`)).json();
  }
  async function post(path) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method: 'POST', body: spec, headers });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }
} finally {
  stack.kill('SIGINT');
  if (stack.exitCode === null) await new Promise((done) => stack.once('exit', done));
  await rm(folder, { recursive: true, force: true });
}

/** How many of the processes take tasks. */
async function readyOf(processes) {
  const logs = processes.map(([name]) =>
    readFile(join(folder, 'logs', `${name}.log`), 'utf8').catch(() => ''),
  );
  return (await Promise.all(logs)).filter((log) => log.includes('"msg":"ready"')).length;
}

/** Waits for what the stack does at its start. */
async function until(isTrue) {
  const deadline = performance.now() + startMs;
  while (!(await isTrue())) {
    if (stack.exitCode !== null) throw new Error('the stack ended');
    if (performance.now() > deadline) throw new Error('the stack did not become ready');
    await sleep(100);
  }
}

/** Seconds of CPU that the processes have used. */
async function cpuSeconds(processes) {
  const ticks = await Promise.all(
    processes.map(async ([, { pid }]) => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
      return Number(fields[11]) + Number(fields[12]);
    }),
  );
  return ticks.reduce((sum, count) => sum + count, 0) / 100;
}

async function peakBytes(pid) {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** Bytes of the files below a folder. */
async function bytesOf(path) {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      lstat(join(entry.parentPath ?? entry.path, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
