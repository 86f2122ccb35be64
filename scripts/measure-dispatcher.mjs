/**
 * `node scripts/measure-dispatcher.mjs [--tiles N] [--connections 1,4,16,64]`: how many tiles a second the dispatcher, the queue and Postgres carry when
 * computing them takes no time, by the number of worker connections and by the queue's backend. It bounds a cluster: workers
 * whose tiles take t seconds each are kept busy up to t times this many.
 *
 * Everything real but the engine: the dispatcher, a runner with a lease, heartbeats and fenced acceptance for each
 * connection, in processes of eight runners each; embedded Postgres, and redis-server where it is on PATH.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createExperiment, migrate, nameDataset, openDatabase } from '@tessera/database';
import { holdDataFolder, removeDataFolder, startPostgres } from '@tessera/embedded';
import { openQueue } from '@tessera/queue';
import { startRunner } from '@tessera/runner';
import { startDispatcher } from '@tessera/scheduler';
import { startRedisNode, tellRedis } from '@tessera/testkit/redis-nodes';

const silent = { info() {}, warn() {}, error() {} };
const runnersPerProcess = 8;
const result = { pieces: {}, bytes: 1, milliseconds: 0, engine: 'none', device: 'none', result: null };

if (process.send) await serve();
else await measure();

/** A process of runners whose tiles are done when they are begun. */
async function serve() {
  const { databaseUrl, redisUrl, prefix, runners } = JSON.parse(process.argv[2]);
  const db = openDatabase(databaseUrl, { connections: runners + 1 });
  const opened = [];
  for (let index = 0; index < runners; index++) {
    const queue = await openQueue({ redisUrl, databaseUrl, prefix, onError: () => {} });
    const worker = {
      role: 'worker',
      engine: 'none',
      device: 'none',
      fingerprint: 'f',
      version: '0',
      slots: 1,
    };
    opened.push(
      await startRunner({
        db,
        databaseUrl,
        queue,
        queueName: 'tiles',
        worker: { ...worker, id: randomUUID() },
        leaseMs: 30_000,
        log: silent,
        perform: async () => ({ result, analyses: [], afterwards: null }),
      }),
    );
  }
  process.send('ready');
  process.on('disconnect', () => process.exit(0));
}

async function measure() {
  const { values } = parseArgs({
    options: {
      tiles: { type: 'string', default: '3000' },
      connections: { type: 'string', default: '1,4,16,64' },
    },
  });
  const most = Number(values.tiles);
  const folder = await holdDataFolder(mkdtempSync(join(tmpdir(), 'tessera-dispatcher-')));
  const postgres = await startPostgres({ folder, connections: 600, log: () => {} });
  const redis = await startRedisNode([]).catch(() => null);
  const redisPid =
    redis && Number(/process_id:(\d+)/.exec(await tellRedis(redis.port, ['INFO', 'server']))[1]);
  const backends = [['postgres', null], ...(redis ? [['redis', `redis://127.0.0.1:${redis.port}`]] : [])];
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.versions.node}, ${most} tiles a line at most`,
  );
  await migrate(postgres.url);
  const db = openDatabase(postgres.url, { connections: 8 });
  console.log(`A commit takes ${(await commitMs(db)).toFixed(1)} ms.\n`);
  console.log('| connections | queue | tiles/s | CPU ms a tile: runners | Postgres | Redis | dispatcher |');
  console.log('|---|---|---|---|---|---|---|');
  await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
  for (const connections of values.connections.split(',').map(Number)) {
    for (const [backend, redisUrl] of backends) {
      const servers = [postgres.pid(), redisPid];
      const { rate, cpuMs } = await once(db, postgres.url, redisUrl, connections, most, servers);
      const parts = cpuMs.map((ms) => ms.toFixed(2)).join(' | ');
      console.log(`| ${connections} | ${backend} | ${rate.toFixed(0)} | ${parts} |`);
    }
  }
  await db.close();
  await redis?.stop();
  await postgres.stop();
  await folder.release();
  await removeDataFolder(folder.path);
}

/** Milliseconds that a commit waits for the disk, the median of 50: a tile waits for two, its claim and its acceptance. */
async function commitMs(db) {
  await db.pool.query('CREATE TABLE probe (n int)');
  const times = [];
  for (let index = 0; index < 50; index++) {
    const started = performance.now();
    await db.pool.query('INSERT INTO probe VALUES (1)');
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[25];
}

/** Tiles a second from the first acceptance to the last, of as many as take some seconds. */
async function once(db, databaseUrl, redisUrl, connections, most, servers) {
  const prefix = randomUUID();
  const children = [];
  for (let left = connections; left > 0; left -= runnersPerProcess) {
    const options = { databaseUrl, redisUrl, prefix, runners: Math.min(left, runnersPerProcess) };
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)]);
    children.push(child);
    await new Promise((resolve) => child.once('message', resolve));
  }
  const queue = await openQueue({ redisUrl, databaseUrl, prefix, onError: () => {} });
  const hooks = { prepare: async () => {}, complete: async () => {} };
  const dispatcher = await startDispatcher({ db, databaseUrl, queue, log: silent, hooks });
  const id = randomUUID();
  const tiles = Math.min(most, 200 * connections + 200);
  await createExperiment(db, {
    id,
    spec: { name: 'no-op', dataset: { id: 'images' }, numerics: 'any', priority: 5 },
    plan: {
      kernels: 1,
      tilesPerKernel: tiles,
      analysesPerKernel: 1,
      analysisTasksPerKernel: 1,
      analysisBatch: 1,
      stripsPerKernel: 0,
      bytes: { temporaryPerKernel: 0, temporary: 0, kept: 0 },
      totals: { tiles, analyses: 1, strips: 0 },
    },
    provenance: {},
    datasetSha256: 'abc',
    idempotency: null,
  });
  const done = async () => {
    const { rows } = await db.pool.query('SELECT tiles_done AS n FROM experiments WHERE id = $1', [id]);
    return Number(rows[0].n);
  };
  const cpu = () => [
    children.reduce((sum, child) => sum + cpuMsOf(child.pid), 0),
    ...servers.map((pid) => (pid === null ? 0 : cpuMsOf(pid))),
    cpuMsOf(process.pid),
  ];
  let from = 0;
  let before = [];
  for (let count = 0; count < tiles; count = await done()) {
    if (from === 0 && count > 0) {
      from = performance.now();
      before = cpu();
    }
    await sleep(20);
  }
  const to = performance.now();
  const cpuMs = cpu().map((ms, part) => (ms - before[part]) / tiles);
  await db.pool.query(`UPDATE experiments SET state = 'cancelled', finished_at = now() WHERE id = $1`, [id]);
  await dispatcher.close();
  await queue.close();
  for (const child of children) {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  await db.pool.query('DELETE FROM workers');
  return { rate: (1000 * tiles) / (to - from), cpuMs };
}

/** CPU time that a process and those it started have taken, the ended ones included; 0 where there is no /proc. */
function cpuMsOf(pid) {
  const statOf = (id) => {
    try {
      return readFileSync(`/proc/${id}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
    } catch {
      return null;
    }
  };
  const own = statOf(pid);
  if (!own) return 0;
  // From utime on: its own in user and system mode, then that of its ended children. A tick is 10 ms.
  const ticks = own.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  const children = readdirSync('/proc')
    .filter((id) => /^\d+$/.test(id) && statOf(id)?.[1] === String(pid))
    // This script's own children are counted apart.
    .filter(() => pid !== process.pid);
  return children.reduce((sum, id) => sum + cpuMsOf(id), 10 * ticks);
}
