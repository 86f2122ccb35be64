import type { PlanSummary } from '@tessera/spec';
import { exitCodes } from '../exit-code.js';
import { bytesText, countText, durationText } from '../format.js';
import { readSpec } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

/** `tessera plan SPEC`: what an experiment would cost. */
export const addPlan: AddCommand = (program, action) =>
  program
    .command('plan')
    .summary('tell what an experiment would take')
    .description('Tell the tiles, bytes, memory and time of an experiment, without starting it.')
    .argument('<spec>', 'a JSON file, or - for standard input')
    .action(action(plan));

async function plan(session: Session, [file]: string[]) {
  const summary = await session.client.planExperiment(await readSpec(session, file as string));
  session.show(summary, () => planText(summary));
  return exitCodes.fine;
}

function planText(summary: PlanSummary): string {
  const { kernels, tiles, analyses, strips, trainings, tileSize, bytes, analysis, coreSeconds, seconds } =
    summary;
  const free = bytes.free === null ? '' : `, ${bytesText(bytes.free)} free`;
  const place = analysis.mode === 'dense' ? 'in memory' : 'out of core';
  const memory = analysis.memory === null ? '' : ` of ${bytesText(analysis.memory)}`;
  return [
    `${countText(kernels)} kernels (points of the grid), tiles of ${countText(tileSize)} images`,
    `${countText(tiles)} tiles, ${countText(analyses)} analyses, ${countText(strips)} strips${trainings > 0 ? `, ${countText(trainings)} networks to train` : ''}`,
    `${bytesText(bytes.kept)} kept, ${bytesText(bytes.temporary)} temporary${free}`,
    `matrices analysed ${place}, ${bytesText(analysis.bytes)}${memory} each`,
    `about ${durationText(seconds)}, ${durationText(coreSeconds)} on one core`,
    ...summary.warnings,
  ].join('\n');
}
