/** Applies the migrations and exits: the container that runs before the services. */
import { loadSettings } from '@tessera/config';
import { migrate } from '@tessera/database';
import { runMain } from '@tessera/service';
import { createLogger } from '@tessera/telemetry';

async function main(): Promise<void> {
  const { settings, warnings } = loadSettings(process.env);
  const logger = createLogger({ service: 'migrate', level: settings.logLevel });
  for (const warning of warnings) logger.warn(warning);
  if (settings.databaseUrl === null)
    throw new Error('TESSERA_DATABASE_URL is not set. Set it to a postgres:// URL.');
  const applied = await migrate(settings.databaseUrl);
  logger.info({ applied }, applied.length === 0 ? 'the schema is up to date' : 'migrations applied');
}

await runMain(main);
