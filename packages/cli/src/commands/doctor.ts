import { loadSettings } from '@tessera/config';
import { type CheckResult, runChecks } from '../doctor/checks.js';
import { exitCodes } from '../exit-code.js';
import type { AddCommand } from '../run-cli.js';

/** Time for the output to be taken. */
const lingerMs = 1000;

/** `tessera doctor`: checks what Tessera stands on, and says how to fix what is wrong. */
export const addDoctor: AddCommand = (program, action) =>
  program
    .command('doctor')
    .summary('check what Tessera stands on')
    .description(
      'Check database, queue, store, engines, disk, clock and versions, with a stack running or not, and say how to fix ' +
        'what is wrong. Exits 1 where something is.',
    )
    .option('--data-dir <folder>', 'the data folder (TESSERA_DATA_DIR)')
    .action(
      action<{ dataDir?: string }>(async (session, _args, { dataDir }) => {
        const given = dataDir === undefined ? {} : { TESSERA_DATA_DIR: dataDir };
        const { settings } = loadSettings({ ...process.env, ...given });
        const results = await runChecks(settings, session.client);
        const isWell = results.every(({ state }) => state !== 'wrong');
        session.show({ ok: isWell, checks: results }, () => results.map(resultText).join('\n'));
        if (isWell) return exitCodes.fine;
        // A Redis that does not answer is asked again for ever; this must not keep the process from its end.
        setTimeout(() => process.exit(exitCodes.failed), lingerMs).unref();
        return exitCodes.failed;
      }),
    );

const stateTexts = { fine: 'ok', absent: '-', wrong: 'WRONG' } as const;

function resultText({ name, state, found, fix }: CheckResult): string {
  const line = `${stateTexts[state].padEnd(5)}  ${name.padEnd(8)}  ${found}`;
  return fix === null ? line : `${line}\n${' '.repeat(17)}${fix}`;
}
