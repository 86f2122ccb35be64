/** A whole stack in a temporary folder, started as its users start it, and experiments timed through its API. */
import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import { endWithParent, freePort, removeDataFolder } from '@tessera/embedded';
import { root } from '../scripts/bootstrap/run.mjs';

const readyMs = 60_000;
const command = join(root, 'packages/cli/bin/tessera.js');

/**
 * @param {{workers: number, cifar10: string | null, onStarted: (stop: () => Promise<void>) => void}} options a worker
 *   computes on one core; `onStarted` takes what stops the stack, before it is ready
 */
export async function startStack({ workers, cifar10, onStarted }) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const port = await freePort();
  const args = ['up', '--port', String(port), '--data-dir', dataDir, '--workers', String(workers)];
  const env = {
    ...process.env,
    TESSERA_DATABASE_URL: '',
    TESSERA_REDIS_URL: '',
    // What a worker gets anyway where there are as many as cores; there the aggregator keeps them all.
    TESSERA_THREADS: workers === availableParallelism() ? '' : '1',
    TESSERA_WORKERS: '',
    TESSERA_CIFAR10_DIR: cifar10 ?? '',
  };
  // Its own group: Ctrl-C reaches us, and we stop it in order.
  const child = spawn(process.execPath, [command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env,
  });
  const guard = endWithParent(child.pid, 'TERM');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
    });
  }
  const ended = new Promise((resolve) => child.on('exit', resolve).on('error', resolve));
  const client = new TesseraClient(`http://127.0.0.1:${port}`);
  let stopping = null;
  const end = async () => {
    guard.cancel();
    child.kill('SIGTERM');
    await ended;
    await removeDataFolder(dataDir);
  };
  const stop = () => {
    stopping ??= end();
    return stopping;
  };
  onStarted(stop);
  const deadline = performance.now() + readyMs;
  while (
    !(await client.ready().then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`the stack did not become ready: ${output.trim().split('\n').slice(-3).join(' ')}`);
    }
    await sleep(50);
  }
  return { client };
}

/** Posts a spec and waits for its end. @returns {Promise<{seconds: number, id: string}>} POST to completed */
export async function runExperiment({ client }, spec) {
  const start = performance.now();
  const { id } = await client.createExperiment(spec);
  const { state, error } = await client.waitFor(id);
  const seconds = (performance.now() - start) / 1000;
  if (state !== 'completed') throw new Error(`the experiment ${state}: ${error?.message}`);
  return { seconds, id };
}
