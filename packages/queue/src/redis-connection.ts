/** Connections to Redis: one server, the primary that sentinels name, or a cluster. */
import { parseRedis, type RedisLocation } from '@tessera/config';
import { Cluster, Redis, type RedisOptions } from 'ioredis';

export type RedisConnection = Redis | Cluster;

/** How long a connection waits, and how often it tries. */
export type Patience = Pick<
  RedisOptions,
  'maxRetriesPerRequest' | 'socketTimeout' | 'connectTimeout' | 'autoResendUnfulfilledCommands'
>;

/**
 * Makes connections to where a URL says.
 * @param ca certificates (PEM) that vouch for a server with TLS; null: the system's
 */
export function redisConnector(url: string, ca: string | null): (patience: Patience) => RedisConnection {
  const location = parseRedis(url);
  const { kind, nodes, master, username, password, db, isTls } = location;
  const tls: { tls?: { ca?: string } } = isTls ? { tls: ca === null ? {} : { ca } } : {};
  const access = {
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...tls,
  };
  if (kind === 'cluster') {
    return (patience) =>
      new Cluster([...nodes], {
        redisOptions: { ...access, ...patience },
        // With TLS a node is known by its name, which the certificate holds, and not by the address it announces.
        ...(isTls && { dnsLookup: (address, callback) => callback(null, address) }),
        slotsRefreshTimeout: 5000,
        clusterRetryStrategy: retryDelay,
      });
  }
  if (kind === 'sentinel') {
    const options = {
      ...access,
      ...sentinelAccess(location),
      ...(tls.tls && { sentinelTLS: tls.tls, enableTLSForSentinelMode: true }),
      sentinels: [...nodes],
      name: master as string,
      db,
      sentinelRetryStrategy: retryDelay,
      // A primary that was demoted keeps its connections, and refuses every write: ask the sentinels again.
      reconnectOnError: ({ message }: Error) => (message.startsWith('READONLY') ? (2 as const) : false),
    };
    return (patience) => new Redis({ ...options, ...patience });
  }
  const [node] = nodes as [{ host: string; port: number }];
  return (patience) => new Redis({ ...access, ...patience, ...node, db });
}

function sentinelAccess({ sentinelUsername, sentinelPassword }: RedisLocation) {
  return {
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
  };
}

/** Never gives up; a failover takes seconds. */
const retryDelay = (times: number) => Math.min(50 * times, 1000);
