/** Redis servers, sentinels and cluster nodes that tests start, kill and stop: processes of this machine, or containers. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithParent, freePort } from '@tessera/embedded';
import { answers } from './answers.js';
import { startContainer, whereToRun } from './service-place.js';
import type { TestAuthority } from './test-authority.js';

export const redisImage = 'redis:7.4-alpine';
const readyMs = 30_000;

/** One server on 127.0.0.1, in a container too (the host's network). */
export interface RedisNode {
  readonly port: number;
  /** Where it speaks TLS; null without an authority. */
  readonly tlsPort: number | null;
  /** Where the nodes of a cluster speak to each other; null outside one. */
  readonly busPort: number | null;
  hasEnded(): boolean;
  /** SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Ports that were free may be taken by others before the server has them. */
const tries = 3;

/**
 * Starts a server, or a sentinel, and waits until it answers.
 * @param lines of its configuration beside ports, address and folder
 * @param authority it speaks TLS too, on a port of its own, and to its like nothing else
 */
export async function startRedisNode(
  lines: readonly string[],
  isSentinel = false,
  authority: TestAuthority | null = null,
): Promise<RedisNode> {
  const where = await whereToRun('redis-server');
  for (let left = tries; ; left--) {
    const port = await freePort();
    const tlsPort = authority ? await freePort() : null;
    const busPort = lines.includes(clusterLine) ? await freePort() : null;
    const configuration = [
      'bind 127.0.0.1',
      `port ${port}`,
      ...(isSentinel ? [] : ['save ""']),
      ...(authority ? [`tls-port ${tlsPort}`, ...tlsLines(authority)] : []),
      ...(busPort ? [`cluster-port ${busPort}`] : []),
      ...lines,
    ];
    const node = await (where.kind === 'process'
      ? startNodeProcess(where.program, configuration, isSentinel)
      : startNodeContainer(configuration, isSentinel, authority));
    await until(`redis-server on port ${port} answers`, async () => node.hasEnded() || (await answers(port)));
    if (!node.hasEnded()) return { port, tlsPort, busPort, ...node };
    await node.stop();
    if (left === 1) throw new Error(`redis-server ended at once, ${tries} times.`);
  }
}

const clusterLine = 'cluster-enabled yes';

const tlsLines = ({ files }: TestAuthority) => [
  `tls-cert-file ${files.certificate}`,
  `tls-key-file ${files.key}`,
  `tls-ca-cert-file ${files.ca}`,
  'tls-auth-clients no',
  'tls-replication yes',
];

async function startNodeProcess(program: string, configuration: readonly string[], isSentinel: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-redis-'));
  const file = join(folder, 'redis.conf');
  await writeFile(file, [...configuration, `dir ${folder}`, ''].join('\n'));
  await chmod(file, 0o600);
  const child = spawn(program, [file, ...(isSentinel ? ['--sentinel'] : [])], {
    stdio: 'ignore',
    detached: true,
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) =>
    child.on('exit', () => resolve()).on('error', () => resolve()),
  ).then(() => {
    hasEnded = true;
  });
  const guard = endWithParent(child.pid as number, 'KILL');
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    guard.cancel();
    child.kill(signal);
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { hasEnded: () => hasEnded, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

async function startNodeContainer(
  configuration: readonly string[],
  isSentinel: boolean,
  authority: TestAuthority | null,
) {
  const target = '/tmp/redis.conf';
  const content = [...configuration, 'dir /tmp', ''].join('\n');
  const stop = await startContainer(redisImage, (container) =>
    container
      .withNetworkMode('host')
      .withCopyContentToContainer([{ content, target, mode: 0o666 }])
      .withCopyDirectoriesToContainer(
        authority ? [{ source: authority.folder, target: authority.folder, mode: 0o755 }] : [],
      )
      .withCommand(['redis-server', target, ...(isSentinel ? ['--sentinel'] : [])]),
  );
  return { hasEnded: () => false, kill: () => stop(0), stop: () => stop(0) };
}

/** A primary with two replicas, and three sentinels that watch them. */
export interface RedisSentinels {
  /** As TESSERA_REDIS_URL. */
  readonly url: string;
  /** SIGKILL of the server that the sentinels call the primary. */
  killPrimary(): Promise<void>;
  /** The port of the primary, as the first sentinel sees it. */
  primary(): Promise<number>;
  stop(): Promise<void>;
}

const master = 'tessera-test';
const passwords = { server: 'of the servers', sentinel: 'of the sentinels' };

/** @param authority all of them speak TLS with each other and with clients, and call themselves by name */
export async function startRedisSentinels(authority: TestAuthority | null = null): Promise<RedisSentinels> {
  const nodes: RedisNode[] = [];
  const start = async (lines: readonly string[], isSentinel = false) => {
    const node = await startRedisNode(lines, isSentinel, authority);
    nodes.push(node);
    return node;
  };
  const [scheme, host] = authority ? ['rediss', 'localhost'] : ['redis', '127.0.0.1'];
  const portOf = (node: RedisNode) => node.tlsPort ?? node.port;
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    const server = [
      `requirepass "${passwords.server}"`,
      `masterauth "${passwords.server}"`,
      `replica-announce-ip ${host}`,
    ];
    const first = await start(server);
    const replica = [...server, `replicaof ${host} ${portOf(first)}`];
    const servers = [first, ...(await Promise.all([start(replica), start(replica)]))];
    const sentinel = [
      `requirepass "${passwords.sentinel}"`,
      ...(authority ? ['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes'] : []),
      `sentinel announce-ip ${host}`,
      `sentinel monitor ${master} ${host} ${portOf(first)} 2`,
      `sentinel auth-pass ${master} "${passwords.server}"`,
      `sentinel down-after-milliseconds ${master} 1000`,
      `sentinel failover-timeout ${master} 5000`,
    ];
    const sentinels = await Promise.all([0, 1, 2].map(() => start(sentinel, true)));
    const ask = (node: RedisNode, ...words: string[]) =>
      tellRedis(node.port, ['AUTH', passwords.sentinel], words);
    for (const node of sentinels) {
      await until('the sentinels know of each other and of both replicas', async () => {
        const state = await ask(node, 'SENTINEL', 'MASTER', master);
        const has = (name: string, value: number) =>
          new RegExp(`\\b${name}\\s+\\$1\\s+${value}\\b`).test(state);
        return has('num-slaves', 2) && has('num-other-sentinels', 2);
      });
    }
    const primary = async () => {
      const answer = await ask(sentinels[0] as RedisNode, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master);
      return Number(/(?:127\.0\.0\.1|localhost)\s+\$\d+\s+(\d+)/.exec(answer)?.[1]);
    };
    const hosts = sentinels.map((node) => `${host}:${portOf(node)}`).join(',');
    const [own, theirs] = [encodeURIComponent(passwords.server), encodeURIComponent(passwords.sentinel)];
    return {
      url: `${scheme}+sentinel://:${own}@${hosts}/${master}?sentinelPassword=${theirs}`,
      primary,
      async killPrimary() {
        const is = await primary();
        await servers.find((node) => portOf(node) === is)?.kill();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * A cluster of three masters.
 * @param authority they speak TLS with each other and with clients, and call themselves by name
 */
export async function startRedisCluster(
  authority: TestAuthority | null = null,
): Promise<{ url: string; stop(): Promise<void> }> {
  const slots = 16_384;
  const nodes: RedisNode[] = [];
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    for (let index = 0; index < 3; index++) {
      const lines = [clusterLine, 'cluster-node-timeout 5000'];
      const named = [
        'tls-cluster yes',
        'cluster-announce-hostname localhost',
        'cluster-preferred-endpoint-type hostname',
      ];
      const node = await startRedisNode([...lines, ...(authority ? named : [])], false, authority);
      nodes.push(node);
      const [first, last] = [Math.ceil((index * slots) / 3), Math.ceil(((index + 1) * slots) / 3) - 1];
      await tellRedis(node.port, ['CLUSTER', 'ADDSLOTSRANGE', String(first), String(last)]);
    }
    const [seed, ...others] = nodes as [(typeof nodes)[0], ...typeof nodes];
    for (const { port, tlsPort, busPort } of others)
      await tellRedis(seed.port, ['CLUSTER', 'MEET', '127.0.0.1', String(tlsPort ?? port), String(busPort)]);
    for (const { port } of nodes) {
      await until('the cluster has all slots', async () =>
        /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(await tellRedis(port, ['CLUSTER', 'INFO'])),
      );
    }
    const hosts = nodes.map(({ port, tlsPort }) => (tlsPort ? `localhost:${tlsPort}` : `127.0.0.1:${port}`));
    return { url: `${authority ? 'rediss' : 'redis'}+cluster://${hosts.join(',')}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Sends commands to a server, and gives what it answered to all of them, as it came (RESP). */
export function tellRedis(port: number, ...commands: readonly (readonly string[])[]): Promise<string> {
  const text = [...commands, ['QUIT']]
    .map((words) =>
      [`*${words.length}`, ...words.flatMap((w) => [`$${Buffer.byteLength(w)}`, w]), ''].join('\r\n'),
    )
    .join('');
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (bytes) => {
      answer += bytes.toString('utf8');
    });
    socket.on('error', reject);
    // A sentinel knows no QUIT, and leaves the connection open.
    socket.on('data', () => /^-ERR unknown command '?QUIT/im.test(answer) && socket.end());
    socket.on('close', () => resolve(answer));
  });
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`It did not come true that ${what}.`);
    await sleep(20);
  }
}
