import { readFile } from 'node:fs/promises';
import { needsKeys, type Settings } from '@tessera/config';
import { type Database, ensureKey, requireAnyKey } from '@tessera/database';
import { allProjects } from '@tessera/spec';
import type { Logger } from '@tessera/telemetry';

/**
 * Makes the first key of a deployment from its secret file; a service that others can reach does not start before there
 * is a key that opens it.
 * @throws where the file cannot be read or holds no key, or a key is needed and there is none
 */
export async function prepareKeys(
  db: Database,
  settings: Pick<Settings, 'firstKeyFile' | 'auth' | 'host'>,
  logger: Logger,
): Promise<void> {
  if (settings.firstKeyFile !== null) {
    const key = (await readFile(settings.firstKeyFile, 'utf8')).trim();
    const outcome = await ensureKey(db, key, {
      role: 'admin',
      project: allProjects,
      name: 'first key',
      expiresAt: null,
    });
    if (outcome === 'created') logger.info('made the first key from TESSERA_FIRST_KEY_FILE');
  }
  if (needsKeys(settings)) await requireAnyKey(db, settings.host);
}
