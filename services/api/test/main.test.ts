import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testPostgres } from '@tessera/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const program = (name: string) => new URL(`../dist/${name}.js`, import.meta.url).pathname;
let url: string;
let dataDir: string;
let drop: () => Promise<void>;
const started: { child: ChildProcess; exit: Promise<unknown> }[] = [];
beforeAll(async () => {
  ({ url, drop } = await testPostgres());
  dataDir = await mkdtemp(join(tmpdir(), 'tessera-api-main-'));
});
afterEach(async () => {
  for (const { child, exit } of started.splice(0)) {
    child.kill('SIGKILL');
    await exit;
  }
});
afterAll(async () => {
  await drop?.();
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts a built program; its log is read as it comes. */
function start(name: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program(name)], {
    env: {
      PATH: process.env.PATH,
      TESSERA_DATABASE_URL: url,
      TESSERA_DATA_DIR: dataDir,
      TESSERA_PORT: '0',
      TESSERA_DRAIN_MS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  started.push({ child, exit });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes) => {
      log += bytes;
    });
  }
  return {
    child,
    exit,
    log: () => log,
    async address(): Promise<string> {
      for (;;) {
        const line = log.split('\n').find((text) => text.includes('"msg":"listening"'));
        if (line) return (JSON.parse(line) as { url: string }).url;
        if (child.exitCode !== null) throw new Error(log);
        await sleep(20);
      }
    },
  };
}

describe('the API process', () => {
  it('starts on a migrated database and stops cleanly on SIGTERM, a stream open', async () => {
    const migration = start('migrate-main');
    expect(await migration.exit, migration.log()).toBe(0);
    const api = start('main');
    const address = await api.address();
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    // Named at once: imported if it is not there yet.
    const spec = {
      name: 'first',
      dataset: { id: 'synthetic', train: 4 },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: { weightVariance: [1], biasVariance: [0], depth: [1] },
    };
    const body = JSON.stringify(spec);
    const made = await fetch(`${address}/v1/experiments`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(made.status).toBe(202);
    const { links } = (await made.json()) as { links: { events: string } };
    const stream = await fetch(`${address}${links.events}`);
    const ended = stream.text();
    api.child.kill('SIGTERM');
    expect(await api.exit, api.log()).toBe(0);
    expect(await ended).toMatch(/event: progress/);
  });

  it.each(['SIGINT', 'disconnect'] as const)('stops cleanly on %s', async (reason) => {
    const api = start('main');
    await api.address();
    if (reason === 'disconnect') api.child.disconnect();
    else api.child.kill(reason);
    expect(await api.exit, api.log()).toBe(0);
  });

  it.each([
    ['a bad setting', { TESSERA_PORT: 'high' }, /TESSERA_PORT.*high/],
    ['no database', { TESSERA_DATABASE_URL: '' }, /TESSERA_DATABASE_URL is not set/],
    [
      'a database that is not there',
      { TESSERA_DATABASE_URL: 'postgres://127.0.0.1:1/none' },
      /"level":"fatal"/,
    ],
  ])('exits 1 with one clear sentence for %s', async (_what, env, sentence) => {
    const api = start('main', env);
    expect(await api.exit).toBe(1);
    expect(api.log()).toMatch(sentence);
    expect(api.log()).not.toMatch(/\n {4}at /);
  });
});
