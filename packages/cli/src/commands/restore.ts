import { exitCodes } from '../exit-code.js';
import { unreadable } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera restore FILE.tar`: brings an archived experiment back. */
export const addRestore: AddCommand = (program, action) =>
  program
    .command('restore')
    .summary('restore an archived experiment')
    .description('Restore an experiment that `tessera archive` saved, under its own id.')
    .argument('<file>', 'the tar file')
    .action(
      action(async (session, [file]) => {
        const experiment = await session.client.restoreArchive(file as string).catch((error: unknown) => {
          const isFileError = error instanceof Error && 'syscall' in error && 'path' in error;
          throw isFileError ? unreadable(file as string, error) : error;
        });
        session.show(experiment, () => `${experiment.id} is restored.\nNext: tessera show ${experiment.id}`);
        return exitCodes.fine;
      }),
    );
