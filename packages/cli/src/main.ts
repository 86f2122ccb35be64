/** The process of the `tessera` command. */
import { ConfigError, loadSettings } from '@tessera/config';
import { exitCodes } from './exit-code.js';
import { runCli } from './run-cli.js';

const { stdin, stdout, stderr } = process;
// A reader that has seen enough (`tessera list | head`) ends the command, quietly.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.fine);
  throw error;
});
try {
  const { settings, warnings } = loadSettings(process.env);
  for (const warning of warnings) stderr.write(`${warning}\n`);
  process.exitCode = await runCli(
    process.argv.slice(2),
    { stdin, stdout, stderr },
    settings.url,
    settings.key,
  );
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  stderr.write(`${error.message}\n`);
  process.exitCode = exitCodes.usage;
}
