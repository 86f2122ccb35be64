import { followExperiment } from '../follow.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera watch ID`: progress until the end, then the result. */
export const addWatch: AddCommand = (program, action) =>
  program
    .command('watch')
    .summary('follow an experiment to its end')
    .description(
      'Show progress until the experiment ends, then its result; exit 1 where it failed. --json: one event a line.',
    )
    .argument('<id>', 'the experiment')
    .action(action((session, [id]) => followExperiment(session, id as string, true)));
