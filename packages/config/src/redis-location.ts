import { ConfigError } from './config-error.js';

/** Where Redis is: one server, the sentinels that know which of several is the primary, or some nodes of a cluster. */
export interface RedisLocation {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** What the sentinels call the primary; null unless `kind` is sentinel. */
  readonly master: string | null;
  /** Number of the database; 0 in a cluster. */
  readonly db: number;
  readonly isTls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  /** What the sentinels themselves ask for. */
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
}

const grammar =
  /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const ports = { single: 6379, sentinel: 26_379, cluster: 6379 };
const refusal =
  ': must be redis://host:port/db, redis+sentinel://host:port,host:port/master-name or redis+cluster://host:port,host:port ' +
  '(rediss: with TLS).';

/**
 * `redis://user:password@host:port/db`, `redis+sentinel://user:password@host:port,.../master-name/db` with the sentinels'
 * own `?sentinelUsername=` and `?sentinelPassword=`, or `redis+cluster://user:password@host:port,...`; `rediss` with TLS.
 * Names and passwords are percent-encoded, as in every URL. A refused value is not repeated: it may hold a password.
 */
export function parseRedis(text: string): RedisLocation {
  const match = grammar.exec(text);
  if (!match) throw new ConfigError(refusal);
  const [, tls, kind = 'single', user, hosts = '', path = '', query = ''] = match;
  const isKind = kind as RedisLocation['kind'];
  const parameters = new URLSearchParams(query);
  const words = path.split('/').filter((word) => word !== '');
  const [master = null] = isKind === 'sentinel' ? words.splice(0, 1) : [];
  const [db = '0', ...rest] = words;
  if (rest.length > 0 || !/^\d{1,4}$/.test(db) || (isKind === 'cluster' && path !== ''))
    throw new ConfigError(refusal);
  if (isKind === 'sentinel' && master === null)
    throw new ConfigError(`${refusal} The name of the primary is missing.`);
  const [username, password] = user === undefined ? [null, null] : credentials(user);
  const nodes = hosts.split(',').map((host) => parseNode(host, ports[isKind]));
  if (isKind === 'single' && nodes.length > 1) throw new ConfigError(refusal);
  return {
    kind: isKind,
    nodes,
    master: master === null ? null : decodeURIComponent(master),
    db: Number(db),
    isTls: tls === 's',
    username,
    password,
    sentinelUsername: parameters.get('sentinelUsername'),
    sentinelPassword: parameters.get('sentinelPassword'),
  };
}

function credentials(text: string): [username: string | null, password: string | null] {
  const [username = '', ...password] = text.split(':');
  try {
    const named = username === '' ? null : decodeURIComponent(username);
    return [named, password.length === 0 ? null : decodeURIComponent(password.join(':'))];
  } catch {
    throw new ConfigError(': its name or password is not percent-encoded.');
  }
}

function parseNode(text: string, usualPort: number): { host: string; port: number } {
  const [, address, name, port = String(usualPort)] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = address ?? name;
  if (host === undefined || Number(port) > 65_535 || Number(port) === 0) throw new ConfigError(refusal);
  return { host, port: Number(port) };
}
