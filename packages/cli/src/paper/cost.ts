/** What a reproduction would take, before anything is run. */
import type { PlanSummary } from '@tessera/spec';
import { bytesText, countText, durationText } from '../format.js';
import type { Session } from '../session.js';
import { tableText } from '../table.js';
import { knownRun, paperSpec, type Scale } from './experiments.js';

export interface PaperCost {
  name: string;
  plan: PlanSummary;
  /** The experiment of this spec that the server has already; null: it would be run. */
  known: string | null;
}

/** Plans the experiments of a reproduction, each once. @throws TesseraError where one is refused */
export async function planPaper(
  session: Session,
  names: readonly string[],
  scale: Scale,
): Promise<PaperCost[]> {
  const costs: PaperCost[] = [];
  for (const name of new Set(names)) {
    const plan = await session.client.planExperiment(await paperSpec(name, scale));
    costs.push({ name, plan, known: (await knownRun(session, plan.spec))?.id ?? null });
  }
  return costs;
}

/** A line an experiment, and the sum of what would be run. */
export function costText(costs: readonly PaperCost[]): string {
  const table = tableText<PaperCost>(
    [
      { title: 'experiment', text: ({ name }) => name },
      { title: 'kernels', text: ({ plan }) => countText(plan.kernels), align: 'right' },
      { title: 'tiles', text: ({ plan }) => countText(plan.tiles), align: 'right' },
      { title: 'kept', text: ({ plan }) => bytesText(plan.bytes.kept), align: 'right' },
      { title: 'temporary', text: ({ plan }) => bytesText(plan.bytes.temporary), align: 'right' },
      { title: 'one core', text: ({ plan }) => durationText(plan.coreSeconds), align: 'right' },
      { title: 'on the cores there are', text: ({ plan }) => durationText(plan.seconds), align: 'right' },
      { title: 'there already', text: ({ known }) => known ?? '' },
    ],
    costs,
  );
  const open = costs.filter(({ known }) => known === null);
  const sum = (read: (plan: PlanSummary) => number) =>
    open.reduce((total, { plan }) => total + read(plan), 0);
  const warnings = costs.flatMap(({ name, plan }) => plan.warnings.map((warning) => `${name}: ${warning}`));
  return [
    table,
    '',
    `To run: ${countText(open.length)} of ${countText(costs.length)} experiments, ` +
      `${durationText(sum(({ coreSeconds }) => coreSeconds))} of one core, ` +
      `about ${durationText(sum(({ seconds }) => seconds))} on the cores there are, ` +
      `${bytesText(sum(({ bytes }) => bytes.kept))} kept.`,
    ...warnings,
  ].join('\n');
}
