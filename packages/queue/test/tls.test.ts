/** Redis and Postgres behind TLS with a certificate that only our own authority vouches for. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueue } from '../src/index.js';

const find = (name: string) =>
  (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find(existsSync);
const [redisServer, openssl] = [find('redis-server'), find('openssl')];
const isReady = redisServer !== undefined && openssl !== undefined;
if (!isReady && process.env.CI === 'true') throw new Error('redis-server or openssl is not on PATH.');

describe.skipIf(!isReady)('Redis over TLS (needs redis-server and openssl)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-tls-'));
  const at = (name: string) => join(folder, name);
  let server: ReturnType<typeof spawn>;
  let port: number;

  beforeAll(async () => {
    const ssl = (...args: string[]) => execFileSync(openssl as string, args, { stdio: 'pipe', cwd: folder });
    ssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=test authority',
    );
    ssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'server.key',
      '-out',
      'server.csr',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    );
    ssl(
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      'server.pem',
    );
    chmodSync(at('server.key'), 0o600);
    port = await freePort();
    server = spawn(redisServer as string, [
      ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...[
        '--tls-cert-file',
        at('server.pem'),
        '--tls-key-file',
        at('server.key'),
        '--tls-ca-cert-file',
        at('ca.pem'),
      ],
      ...['--tls-auth-clients', 'no'],
    ]);
    await sleep(500);
  });
  afterAll(async () => {
    if (server?.exitCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (redisCa: string | null, onError: (error: Error) => void = () => {}) =>
    openQueue({
      redisUrl: `rediss://localhost:${port}`,
      redisCa,
      databaseUrl: '',
      prefix: 'tls-test',
      onError,
    });

  it('is used with the authority that vouches for it', async () => {
    const queue = await open(readFileSync(at('ca.pem'), 'utf8'));
    try {
      await queue.ping();
      await queue.add('tiles', [{ task: 1n, generation: 1 }]);
      expect((await queue.depth('tiles')).waiting).toBe(1);
    } finally {
      await queue.close();
    }
  });

  it('is refused without it', async () => {
    const problem = new Promise<Error>((resolve) => {
      void open(null, resolve).catch(() => {});
    });
    expect((await problem).message).toMatch(/self-signed|unable to verify|unable to get/);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
