import { exitCodes } from '../exit-code.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera delete ID`. */
export const addDelete: AddCommand = (program, action) =>
  program
    .command('delete')
    .summary('delete an experiment that has ended, and its arrays')
    .description('Delete an experiment that has ended, and its arrays.')
    .argument('<id>', 'the experiment')
    .action(
      action(async (session, [id]) => {
        await session.client.deleteExperiment(id as string);
        session.show({ deleted: id }, () => `${id} is deleted.`);
        return exitCodes.fine;
      }),
    );
