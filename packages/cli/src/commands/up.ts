import { Option } from 'commander';
import type { ExitCode } from '../exit-code.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

export interface UpOptions {
  port?: string;
  dataDir?: string;
  workers?: string;
  /** What `npm start` asks for: run examples/heatmap-fcn.json and show its result. */
  mainJob?: true;
  /** With mainJob: stop when it has ended. */
  once?: true;
  /** With mainJob: on synthetic images. */
  synthetic?: true;
}
/** What `up.js` exports. It is loaded only for this command: it brings the embedded Postgres with it. */
export interface UpModule {
  up(session: Session, options: UpOptions): Promise<ExitCode>;
}

/** `tessera up [--port N] [--data-dir DIR] [--workers N]`: everything on this machine, until Ctrl-C. */
export const addUp: AddCommand = (program, action) =>
  program
    .command('up')
    .summary('start everything on this machine')
    .description('Start Postgres, the API, workers and the aggregator on this machine, until Ctrl-C.')
    .option('--port <number>', 'where the API listens (TESSERA_PORT, default 7878)')
    .option('--data-dir <folder>', 'where everything is kept (TESSERA_DATA_DIR, default ./data)')
    .option('--workers <count>', 'worker processes (TESSERA_WORKERS)')
    .addOption(new Option('--main-job').hideHelp())
    .addOption(new Option('--once').hideHelp())
    .addOption(new Option('--synthetic').hideHelp())
    .action(
      action(async (session, _arguments, options: UpOptions) => {
        const path = '../up.js';
        const { up } = (await import(path)) as UpModule;
        return up(session, options);
      }),
    );
