import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithParent, freePort } from '@tessera/embedded';
import { Redis } from 'ioredis';

/** A Redis that keeps nothing on disk, started again on the same port whenever it ends. */
export class RedisProcess {
  readonly url: string;
  readonly #port: number;
  readonly #folder: string;
  #child: ChildProcess | null = null;
  #isClosing = false;
  #running: Promise<void> | null = null;

  private constructor(port: number, folder: string) {
    this.#port = port;
    this.#folder = folder;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(folder: string): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort(), folder);
    redis.#running = redis.#run();
    const client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    client.on('error', () => {});
    await client.ping();
    client.disconnect();
    return redis;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async flush(): Promise<void> {
    const client = new Redis(this.url, { maxRetriesPerRequest: 1 });
    client.on('error', () => {});
    await client.flushall().catch(() => {});
    client.disconnect();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.kill();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      const args = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder];
      const child = spawn('redis-server', args, { stdio: 'ignore', detached: true });
      this.#child = child;
      const guard = child.pid === undefined ? null : endWithParent(child.pid, 'KILL');
      await new Promise<void>((resolve) => {
        child.on('error', () => resolve());
        child.on('exit', () => resolve());
      });
      guard?.cancel();
      if (!this.#isClosing) await sleep(150);
    }
  }
}
