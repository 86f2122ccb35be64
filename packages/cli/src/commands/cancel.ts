import { exitCodes } from '../exit-code.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera cancel ID`. */
export const addCancel: AddCommand = (program, action) =>
  program
    .command('cancel')
    .summary('stop an experiment')
    .description('Stop an experiment: no new work starts, running work stops soon. It can be retried.')
    .argument('<id>', 'the experiment')
    .action(
      action(async (session, [id]) => {
        const experiment = await session.client.cancelExperiment(id as string);
        session.show(experiment, () => `${experiment.id} is ${experiment.state}.`);
        return exitCodes.fine;
      }),
    );
