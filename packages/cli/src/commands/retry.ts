import { exitCodes } from '../exit-code.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera retry ID`. */
export const addRetry: AddCommand = (program, action) =>
  program
    .command('retry')
    .summary('take up a failed or cancelled experiment')
    .description('Take up a failed or cancelled experiment: what is done stays, only the rest is computed.')
    .argument('<id>', 'the experiment')
    .action(
      action(async (session, [id]) => {
        const experiment = await session.client.retryExperiment(id as string);
        session.show(
          experiment,
          () => `${experiment.id} is ${experiment.state}.\nNext: tessera watch ${experiment.id}`,
        );
        return exitCodes.fine;
      }),
    );
