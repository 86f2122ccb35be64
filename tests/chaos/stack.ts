import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import { migrate } from '@tessera/database';
import {
  type DataFolder,
  type EmbeddedPostgres,
  freePort,
  holdDataFolder,
  removeDataFolder,
  startPostgres,
} from '@tessera/embedded';
import { openDoor, type QueueBackend } from '@tessera/testkit';
import { RedisProcess } from './redis-process.js';
import { type Role, ServiceProcess } from './service-process.js';

/** Short, so that a dead worker's tasks are given on within the run. */
export const leaseMs = 2000;

/** Where the store is a file system of its own, which can be filled: its size. */
const storeBytes = 512 * 2 ** 20;

const roles: readonly (readonly [string, Role])[] = [
  ['api-1', 'api'],
  ['api-2', 'api'],
  ['worker-1', 'worker'],
  ['worker-2', 'worker'],
  ['aggregator-1', 'aggregator'],
  ['aggregator-2', 'aggregator'],
];

/** Every process of a cluster, in one folder: two of each service, Postgres, and Redis where it delivers. */
export class ChaosStack {
  readonly folder: string;
  readonly backend: QueueBackend;
  /** The data folder of the services: experiments and data sets. */
  readonly store: string;
  /** Whether the store is a file system of its own. */
  readonly isStoreMounted: boolean;
  readonly postgres: EmbeddedPostgres;
  readonly redis: RedisProcess | null;
  readonly services: ServiceProcess[];
  readonly clients: TesseraClient[];
  readonly #held: DataFolder;

  private constructor(
    parts: Pick<
      ChaosStack,
      'folder' | 'backend' | 'store' | 'isStoreMounted' | 'postgres' | 'redis' | 'services' | 'clients'
    > & { held: DataFolder },
  ) {
    this.folder = parts.folder;
    this.backend = parts.backend;
    this.store = parts.store;
    this.isStoreMounted = parts.isStoreMounted;
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.services = parts.services;
    this.clients = parts.clients;
    this.#held = parts.held;
  }

  /** @param images a folder with CIFAR-10, or null: the synthetic data set serves */
  static async start(folder: string, backend: QueueBackend, images: string | null): Promise<ChaosStack> {
    const store = join(folder, 'store');
    await mkdir(store, { recursive: true });
    const isStoreMounted = mountStore(store);
    const cifar10 = images === null ? null : await someImages(images, join(folder, 'images'));
    const held = await holdDataFolder(join(folder, 'postgres'));
    const postgres = await startPostgres({ folder: held, log: () => {} });
    await migrate(postgres.url);
    const redis = backend === 'redis' ? await RedisProcess.start(folder) : null;
    const services: ServiceProcess[] = [];
    const clients: TesseraClient[] = [];
    for (const [name, role] of roles) {
      const database = await openDoor(postgres.url);
      const queue = redis && (await openDoor(redis.url));
      const port = await freePort();
      const env = {
        TESSERA_DATABASE_URL: database.url,
        TESSERA_REDIS_URL: queue?.url ?? '',
        TESSERA_DATA_DIR: store,
        TESSERA_CIFAR10_DIR: cifar10 ?? '',
        TESSERA_HOST: '127.0.0.1',
        TESSERA_PORT: String(port),
        TESSERA_LEASE_MS: String(leaseMs),
        TESSERA_GRACE_MS: '1000',
        TESSERA_THREADS: '1',
        OPENBLAS_NUM_THREADS: '1',
        UV_THREADPOOL_SIZE: '6',
      };
      services.push(new ServiceProcess({ name, role, folder, env, database, queue }));
      if (role === 'api') clients.push(new TesseraClient(`http://127.0.0.1:${port}`));
    }
    return new ChaosStack({
      folder,
      backend,
      store,
      isStoreMounted,
      postgres,
      redis,
      services,
      clients,
      held,
    });
  }

  of(role: Role): ServiceProcess[] {
    return this.services.filter((service) => service.role === role);
  }

  /** Started again by the launcher, as by any supervisor. @returns false where it is just being started */
  killPostgres(): boolean {
    const pid = this.postgres.pid();
    if (!pid) return false;
    try {
      return process.kill(pid, 'SIGKILL');
    } catch {
      return false;
    }
  }

  /** Waits until every API is ready. */
  async untilReady(timeoutMs = 400_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (const client of this.clients) {
      for (;;) {
        const failure = await client.ready().then(
          () => null,
          (error: Error) => error,
        );
        if (failure === null) break;
        if (performance.now() > deadline)
          throw new Error(`${client.url} is not ready: ${failure.message}. Logs: ${this.folder}`);
        await sleep(100);
      }
    }
  }

  /** Stops everything in order. @param keep leaves the folder, for whoever looks for a cause */
  async stop(keep: boolean): Promise<void> {
    await Promise.all(this.services.filter(({ role }) => role !== 'api').map((service) => service.close()));
    await Promise.all(this.of('api').map((service) => service.close()));
    await this.redis?.close();
    await this.postgres.stop();
    await this.#held.release();
    if (this.isStoreMounted) spawnSync('umount', ['-l', this.store]);
    if (keep) return;
    await removeDataFolder(this.#held.path);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Makes the folder a small file system of its own, where root may. */
function mountStore(folder: string): boolean {
  if (process.getuid?.() !== 0) return false;
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${storeBytes}`, 'tessera', folder]).status === 0;
}

/** A part of CIFAR-10 is enough, and sooner imported. */
async function someImages(from: string, to: string): Promise<string> {
  await mkdir(to);
  for (const name of ['data_batch_1.bin', 'test_batch.bin', 'batches.meta.txt']) {
    const file = join(from, name);
    if (existsSync(file)) await symlink(file, join(to, name)).catch(() => copyFile(file, join(to, name)));
  }
  return to;
}
