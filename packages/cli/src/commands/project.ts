import type { ProjectInfo, ProjectLimits } from '@tessera/spec';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { bytesText, countText } from '../format.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, tableText } from '../table.js';

interface LimitOptions {
  runningTiles?: string;
  storedBytes?: string;
  experiments?: string;
}

/** `tessera project list` and `tessera project limit PROJECT`. */
export const addProject: AddCommand = (program, action) => {
  const project = program
    .command('project')
    .summary('list projects and set their limits')
    .description('List projects, what they hold, and set what they may hold.');
  project.command('list').description('List the projects that the key sees.').action(action(list));
  project
    .command('limit')
    .description('Set limits of a project; those left out stay, "default" goes back to the setting.')
    .argument('<project>', 'the project; made where it is not there yet')
    .option('--running-tiles <count>', 'tiles in work at a time')
    .option('--stored-bytes <bytes>', 'bytes that experiments and data sets keep')
    .option('--experiments <count>', 'experiments')
    .action(action(limit));
  return project;
};

async function list(session: Session) {
  const items = await session.client.listProjects();
  session.show(items, () => tableText(columns, items));
  return exitCodes.fine;
}

async function limit(session: Session, [name]: string[], options: LimitOptions) {
  const known = (await session.client.listProjects()).find((project) => project.name === name);
  const wanted: ProjectLimits = {
    ...(known?.limits ?? { runningTiles: null, storedBytes: null, experiments: null }),
  };
  for (const key of ['runningTiles', 'storedBytes', 'experiments'] as const) {
    const text = options[key];
    if (text !== undefined) wanted[key] = text === 'default' ? null : readCount(text);
  }
  const project = await session.client.setProjectLimits(name as string, wanted);
  session.show(project, () => tableText(columns, [project]));
  return exitCodes.fine;
}

function readCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is no limit; write a whole number, or "default".`);
}

const of = (used: string, limit: string | null) => (limit === null ? used : `${used} of ${limit}`);
const counted = (used: number, limit: number | null) =>
  of(countText(used), limit === null ? null : countText(limit));

const columns: Column<ProjectInfo>[] = [
  { title: 'project', text: ({ name }) => name },
  {
    title: 'experiments',
    text: ({ usage, limits }) => counted(usage.experiments, limits.experiments),
    align: 'right',
  },
  {
    title: 'running tiles',
    text: ({ usage, limits }) => counted(usage.runningTiles, limits.runningTiles),
    align: 'right',
  },
  {
    title: 'stored',
    text: ({ usage, limits }) =>
      of(bytesText(usage.storedBytes), limits.storedBytes === null ? null : bytesText(limits.storedBytes)),
    align: 'right',
  },
];
