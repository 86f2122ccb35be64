import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadSettings, parseRedis } from '../src/index.js';

const load = (env: Record<string, string>) => loadSettings(env, '/home/someone');

describe('settings from the environment', () => {
  it('has a default for everything', () => {
    const { settings, warnings } = load({});
    expect(settings).toMatchObject({
      databaseUrl: null,
      redisUrl: null,
      dataDir: '/home/someone/data',
      host: '127.0.0.1',
      port: 7878,
      workers: null,
      engine: 'auto',
      logLevel: 'info',
      url: 'http://127.0.0.1:7878',
    });
    expect(warnings).toEqual([]);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('gives the aggregator a share of the memory there is, or what is set', () => {
    const { aggregatorMemory } = load({}).settings;
    expect(aggregatorMemory).toBeGreaterThan(2 ** 26);
    expect(aggregatorMemory).toBeLessThanOrEqual(0.6 * totalmem());
    expect(load({ TESSERA_AGGREGATOR_MEMORY: '8589934592' }).settings.aggregatorMemory).toBe(2 ** 33);
  });

  it('takes an empty value as absent', () => {
    expect(load({ TESSERA_PORT: '', TESSERA_REDIS_URL: ' ' }).settings).toMatchObject({
      port: 7878,
      redisUrl: null,
    });
  });

  it('resolves relative folders', () => {
    const { settings } = load({ TESSERA_DATA_DIR: 'runs/../here', TESSERA_CIFAR10_DIR: '/images' });
    expect(settings).toMatchObject({ dataDir: '/home/someone/here', cifar10Dir: '/images' });
  });

  it('keeps tiles in the data folder, another folder, or a bucket', () => {
    const store = (env: Record<string, string>) => load(env).settings.store;
    expect(store({})).toEqual({ kind: 'folder', folder: '/home/someone/data' });
    expect(store({ TESSERA_DATA_DIR: '/d' })).toEqual({ kind: 'folder', folder: '/d' });
    expect(store({ TESSERA_STORE: 'tiles' })).toEqual({ kind: 'folder', folder: '/home/someone/tiles' });
    expect(store({ TESSERA_STORE: 'file:///mnt/a%20b' })).toEqual({ kind: 'folder', folder: '/mnt/a b' });
    const amazon = { kind: 's3', bucket: 'tiles', prefix: 'team/a', endpoint: null, pathStyle: false };
    const s3 = { TESSERA_STORE: 's3://tiles/team/a/', AWS_REGION: 'eu-central-1' };
    expect(store(s3)).toEqual({ ...amazon, region: 'eu-central-1' });
    expect(store({ TESSERA_STORE: 's3://tiles' })).toMatchObject({ prefix: '', region: null });
    const own = { ...s3, AWS_REGION: '', AWS_ENDPOINT_URL_S3: 'http://seaweed:8333' };
    const endpoint = { endpoint: 'http://seaweed:8333', region: 'us-east-1' };
    expect(store(own)).toEqual({ ...amazon, ...endpoint, pathStyle: true });
    expect(store({ ...own, TESSERA_S3_PATH_STYLE: 'false' })).toEqual({ ...amazon, ...endpoint });
  });

  it('takes one Redis, sentinels, and a cluster', () => {
    const nothing = { username: null, password: null, sentinelUsername: null, sentinelPassword: null };
    expect(parseRedis('redis://localhost')).toEqual({
      ...{ kind: 'single', nodes: [{ host: 'localhost', port: 6379 }], master: null, db: 0, isTls: false },
      ...nothing,
    });
    expect(parseRedis('rediss://me:p%40ss:word@[::1]:7000/3')).toMatchObject({
      ...{ nodes: [{ host: '::1', port: 7000 }], db: 3, isTls: true, username: 'me', password: 'p@ss:word' },
    });
    expect(
      parseRedis('redis+sentinel://:secret@s1,s2:26380/tessera/1?sentinelPassword=other%20one'),
    ).toMatchObject({
      ...{ kind: 'sentinel', master: 'tessera', db: 1, password: 'secret', sentinelPassword: 'other one' },
      nodes: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_380 },
      ],
    });
    expect(parseRedis('rediss+cluster://n1:7001,n2:7002')).toMatchObject({ kind: 'cluster', isTls: true });
    const url = 'redis+sentinel://s1:26379,s2:26379/tessera';
    expect(load({ TESSERA_REDIS_URL: url }).settings.redisUrl).toBe(url);
  });

  it('takes a Postgres socket folder', () => {
    const url = 'postgresql:///tessera?host=/run/postgresql&user=tessera';
    expect(load({ TESSERA_DATABASE_URL: url }).settings.databaseUrl).toBe(url);
  });

  it('puts the password of a file into the database URL', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-secret-'));
    const file = join(folder, 'password');
    await writeFile(file, 'p@ss/w%rd\n');
    const env = { TESSERA_DATABASE_URL: 'postgresql://u@h/d', TESSERA_DATABASE_PASSWORD_FILE: file };
    expect(load(env).settings.databaseUrl).toBe('postgresql://u:p%40ss%2Fw%25rd@h/d');
    await writeFile(file, '\n');
    expect(() => load(env)).toThrow(`TESSERA_DATABASE_PASSWORD_FILE=${file}: the file is empty.`);
    await rm(folder, { recursive: true });
    expect(() => load(env)).toThrow('cannot be read (ENOENT)');
  });

  it.each([
    ['TESSERA_PORT', '70000', 'TESSERA_PORT=70000: must be an integer from 0 to 65535.'],
    ['TESSERA_PORT', '1e3', 'TESSERA_PORT=1e3: must be an integer'],
    ['TESSERA_PORT', 'tcp://10.0.0.7:80', 'enableServiceLinks: false'],
    ['TESSERA_WORKERS', '0', 'TESSERA_WORKERS=0: must be an integer from 1 to 1024.'],
    ['TESSERA_WORKERS', '-2', 'must be an integer'],
    ['TESSERA_AGGREGATOR_MEMORY', '4096', 'must be an integer from 1048576'],
    ['TESSERA_AGGREGATOR_MEMORY', '8G', 'must be an integer'],
    ['TESSERA_ENGINE', 'cuda', 'TESSERA_ENGINE=cuda: must be one of auto, native, opencl, tfjs.'],
    ['TESSERA_LOG_LEVEL', 'loud', 'must be one of fatal, error'],
    [
      'TESSERA_DATABASE_URL',
      'mysql://h/d',
      'TESSERA_DATABASE_URL: must be a URL that begins with postgres://',
    ],
    ['TESSERA_REDIS_URL', 'localhost:6379', 'TESSERA_REDIS_URL: must be redis://host:port/db'],
    ['TESSERA_REDIS_URL', 'redis://a:1,b:2', 'must be redis://host:port/db'],
    ['TESSERA_REDIS_URL', 'redis+sentinel://a:1,b:2', 'The name of the primary is missing'],
    ['TESSERA_REDIS_URL', 'redis+cluster://a:1/2', 'must be redis://host:port/db'],
    ['TESSERA_REDIS_URL', 'redis+cluster://a:70000', 'must be redis://host:port/db'],
    ['TESSERA_URL', 'http://', 'names a host'],
    [
      'TESSERA_STORE',
      's3://',
      'TESSERA_STORE=s3://: must be a folder, file:///folder, or s3://bucket/prefix',
    ],
    ['TESSERA_STORE', 's3://Bucket', 'must be a folder'],
    ['TESSERA_STORE', 's3://bucket/../a', 'must be a folder'],
    ['TESSERA_STORE', 'gs://bucket', 'must be a folder'],
    ['TESSERA_STORE', 'file://host/folder', 'three slashes'],
    ['TESSERA_S3_PATH_STYLE', 'yes', 'must be one of true, false'],
  ])('refuses %s=%s', (name, value, message) => {
    expect(() => load({ [name]: value })).toThrow(ConfigError);
    expect(() => load({ [name]: value })).toThrow(message);
  });

  it('names every bad value at once and repeats no password', () => {
    const bad = { TESSERA_PORT: 'x', TESSERA_REDIS_URL: 'http://me:hunter2@h' };
    expect(() => load(bad)).toThrow(
      /TESSERA_PORT=x.*\n?.*TESSERA_REDIS_URL|TESSERA_REDIS_URL.*\n.*TESSERA_PORT=x/,
    );
    expect(() => load(bad)).not.toThrow(/hunter2/);
  });

  it('warns of an unknown name with the nearest known one', () => {
    const { warnings } = load({ TESSERA_WORKER: '2', TESSERA_SERVICE_HOST: '10.0.0.1', OTHER: 'x' });
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toBe(
      'TESSERA_WORKER is not a setting of Tessera and is ignored. Did you mean TESSERA_WORKERS?',
    );
  });
});
