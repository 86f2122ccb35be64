import type { CollectReport } from '@tessera/spec';
import type { Command } from 'commander';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { bytesText, countText } from '../format.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, cut, tableText } from '../table.js';

interface GcOptions {
  olderThan: string;
  keepKernels?: boolean;
  dryRun?: boolean;
}

/** `tessera gc --older-than 30d`: deletes what ended long ago. */
export const addGc: AddCommand = (program, action) =>
  program
    .command('gc')
    .summary('delete experiments that ended long ago')
    .description(
      'Delete experiments that ended longer ago than a time such as 30d, 12h or 2w: their rows, arrays and files. ' +
        'With --keep-kernels only what failed and cancelled experiments keep for a retry.',
    )
    .requiredOption('--older-than <time>', 'how long ago they ended: 30d, 12h, 2w')
    .option('--keep-kernels', 'leave matrices and results')
    .option('--dry-run', 'only tell what would be deleted')
    .action(action(gc)) as Command;

async function gc(session: Session, _args: string[], options: GcOptions) {
  const report = await session.client.collect({
    olderThanSeconds: durationSeconds(options.olderThan),
    keepKernels: options.keepKernels === true,
    dryRun: options.dryRun === true,
  });
  session.show(report, () => reportText(report));
  return exitCodes.fine;
}

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

function durationSeconds(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (count === undefined)
    throw new UsageError(`--older-than ${text}: write a number and a unit, such as 30d, 12h or 2w.`);
  return Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
}

function reportText({ experiments, bytes, dryRun }: CollectReport): string {
  const verb = dryRun ? 'would be deleted' : 'deleted';
  const total = `${countText(experiments.length)} experiments, ${bytesText(bytes)}, ${verb}.`;
  return experiments.length === 0 ? total : `${tableText(columns, experiments)}\n${total}`;
}

const columns: Column<CollectReport['experiments'][number]>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'state', text: ({ state }) => state },
  { title: 'ended', text: ({ finishedAt }) => finishedAt.replace(/\.\d+Z$/, 'Z') },
  { title: 'bytes', text: ({ bytes }) => bytesText(bytes), align: 'right' },
  { title: 'name', text: ({ name }) => cut(name, 60) },
];
