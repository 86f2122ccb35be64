import { exitCodes } from '../exit-code.js';
import { bytesText } from '../format.js';
import { readPairs, unreadable } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

const collect = (value: string, previous: string[]) => [...previous, value];

/** `tessera export ID ARRAY --out FILE.npy`: an array, or a part of it, as a file for numpy. */
export const addExport: AddCommand = (program, action) =>
  program
    .command('export')
    .summary('save an array as .npy')
    .description(
      'Save an array, or a part of it, as .npy. The arrays of an experiment: GET /v1/experiments/ID/arrays.',
    )
    .argument('<id>', 'the experiment')
    .argument('<array>', 'such as kappa, test_accuracy, ntk_train_train')
    .requiredOption('--out <file>', 'the file to write')
    .option(
      '--select <key=value>',
      'a part: depth=10, depthIndex=3, train=0:256; may be given several times',
      collect,
      [],
    )
    .action(action(exportArray));

async function exportArray(
  session: Session,
  [id, name]: string[],
  options: { out: string; select: string[] },
) {
  const selection = readPairs(options.select, '--select');
  const bytes = await session.client
    .saveArray(id as string, name as string, options.out, { selection })
    .catch((error: unknown) => {
      throw isFileError(error) ? unreadable(options.out, error) : error;
    });
  session.show({ file: options.out, bytes }, () => `${options.out}: ${bytesText(bytes)}`);
  return exitCodes.fine;
}

const isFileError = (error: unknown) => error instanceof Error && 'syscall' in error && 'path' in error;
