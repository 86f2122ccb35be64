/** Where `tessera key` finds the keys: behind the API, or in the database itself. */
import { isAbsolute, resolve } from 'node:path';
import { loadSettings } from '@tessera/config';
import { createKey, listKeys, migrate, openDatabase, revokeKey } from '@tessera/database';
import { DataFolderInUse, holdDataFolder, runningPostgres, startPostgres } from '@tessera/embedded';
import { allProjects, type CreatedKey, type KeyInfo, type KeyRequestInput } from '@tessera/spec';
import { UsageError } from './error-report.js';
import type { Session } from './session.js';

export interface KeyStore extends AsyncDisposable {
  create(request: KeyRequestInput): Promise<CreatedKey>;
  list(): Promise<KeyInfo[]>;
  revoke(id: string): Promise<void>;
}

/** @throws UsageError where --database finds no database */
export async function openKeyStore(
  { client }: Session,
  options: { database?: boolean; dataDir?: string },
): Promise<KeyStore> {
  if (options.database) return openDirectly(options.dataDir);
  return {
    create: (request) => client.createKey(request),
    async list() {
      const keys: KeyInfo[] = [];
      for await (const key of client.keys()) keys.push(key);
      return keys;
    },
    revoke: (id) => client.revokeKey(id),
    async [Symbol.asyncDispose]() {},
  };
}

async function openDirectly(dataDir: string | undefined): Promise<KeyStore> {
  const given =
    dataDir === undefined ? {} : { TESSERA_DATA_DIR: isAbsolute(dataDir) ? dataDir : resolve(dataDir) };
  const { settings } = loadSettings({ ...process.env, ...given });
  const found =
    settings.databaseUrl === null ? await ofDataFolder(settings.dataDir) : { url: settings.databaseUrl };
  await migrate(found.url);
  const db = openDatabase(found.url, { connections: 2 });
  return {
    async create({ role, project, name = '', expiresInSeconds = null }) {
      if (project === undefined || project === null)
        throw new UsageError(
          'With --database, name the project: --project NAME, or --project "*" for every one.',
        );
      const expiresAt = expiresInSeconds === null ? null : new Date(Date.now() + 1000 * expiresInSeconds);
      const { key, info } = await createKey(db, { role, project, name, expiresAt });
      return { ...info, key };
    },
    async list() {
      const keys = await listKeys(db, { project: allProjects, before: null, limit: 10_000 });
      return keys.map(({ sequence, ...info }) => info);
    },
    revoke: (id) => revokeKey(db, id, allProjects),
    async [Symbol.asyncDispose]() {
      await db.close();
      await found.stop?.();
    },
  };
}

/** The embedded Postgres of a data folder: the one that a stack runs there now, or one started for this command. */
async function ofDataFolder(path: string): Promise<{ url: string; stop?: () => Promise<void> }> {
  try {
    const folder = await holdDataFolder(path);
    try {
      const postgres = await startPostgres({ folder, log: () => {} });
      return {
        url: postgres.url,
        async stop() {
          await postgres.stop();
          await folder.release();
        },
      };
    } catch (error) {
      await folder.release();
      throw error;
    }
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error;
    const url = await runningPostgres(path);
    if (url === null)
      throw new UsageError(`${error.message} It has no embedded Postgres: set TESSERA_DATABASE_URL.`);
    return { url };
  }
}
