import { readArchive } from '@tessera/archive';
import { exitCodes } from '../exit-code.js';
import { bytesText } from '../format.js';
import type { AddCommand } from '../run-cli.js';

/** `tessera archive ID FILE.tar`: one experiment as a file, read back and proved. */
export const addArchive: AddCommand = (program, action) =>
  program
    .command('archive')
    .summary('save a completed experiment as a tar file')
    .description(
      'Save a completed experiment as a tar file: spec, plan, provenance, versions, fingerprints, rows, data set, arrays. ' +
        'Every member is then checked against its checksum.',
    )
    .argument('<id>', 'the experiment')
    .argument('<file>', 'the tar file to write')
    .action(
      action(async (session, [id, file]) => {
        const bytes = await session.client.saveArchive(id as string, file as string);
        const { sums } = await readArchive(file as string);
        session.show(
          { file, bytes, members: sums.size },
          () => `${file}: ${bytesText(bytes)}, ${sums.size} files, every checksum matches.`,
        );
        return exitCodes.fine;
      }),
    );
