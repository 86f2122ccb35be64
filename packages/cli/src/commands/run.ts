import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../exit-code.js';
import { followExperiment } from '../follow.js';
import { readSpec } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

/** `tessera run SPEC [--wait]`: starts an experiment. */
export const addRun: AddCommand = (program, action) =>
  program
    .command('run')
    .summary('start an experiment')
    .description(
      'Start an experiment. With --wait, show its progress and its result, and exit 1 where it failed.',
    )
    .argument('<spec>', 'a JSON file, or - for standard input')
    .option('--wait', 'stay until the experiment has ended')
    .action(action(run)) as Command;

async function run(session: Session, [file]: string[], options: { wait?: boolean }): Promise<ExitCode> {
  const spec = await readSpec(session, file as string);
  const experiment = await session.client.createExperiment(spec, { idempotencyKey: randomUUID() });
  if (options.wait) {
    if (!session.json) session.streams.stderr.write(`${experiment.id}: ${experiment.name}\n`);
    return followExperiment(session, experiment.id);
  }
  session.show(
    experiment,
    () => `${experiment.id} is ${experiment.state}.\nNext: tessera watch ${experiment.id}`,
  );
  return exitCodes.fine;
}
