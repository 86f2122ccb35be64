import { isProjectName, type KeyInfo, type KeyRequestInput, type Role, roles } from '@tessera/spec';
import { Option } from 'commander';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { openKeyStore } from '../key-store.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, cut, tableText } from '../table.js';

interface WithDatabase {
  database?: boolean;
  dataDir?: string;
}
interface CreateOptions extends WithDatabase {
  role: Role;
  project?: string;
  name?: string;
  expires?: string;
}

/** `tessera key create`, `tessera key list` and `tessera key revoke ID`. */
export const addKey: AddCommand = (program, action) => {
  const key = program
    .command('key')
    .summary('make, list and revoke keys')
    .description(
      'Make, list and revoke keys of the API. With an admin key in TESSERA_KEY this goes through the API; with --database ' +
        'straight to the database, which is how the first key is made.',
    );
  const databaseOption = () =>
    new Option('--database', 'work on the database of TESSERA_DATABASE_URL, or the one of the data folder');
  const dataDirOption = () =>
    new Option('--data-dir <folder>', 'the data folder of --database (TESSERA_DATA_DIR)');
  key
    .command('create')
    .description('Make a key. It is shown once, on standard output.')
    .addOption(new Option('--role <role>', 'what it may do').choices([...roles]).makeOptionMandatory())
    .option('--project <project>', 'whose it is; "*" for every project (default: that of the asking key)')
    .option('--name <name>', 'what it is for', '')
    .option('--expires <time>', 'when it ends: a number and s, m, h or d, such as 90d')
    .addOption(databaseOption())
    .addOption(dataDirOption())
    .action(action(create));
  key
    .command('list')
    .description('List keys, newest first.')
    .addOption(databaseOption())
    .addOption(dataDirOption())
    .action(action(list));
  key
    .command('revoke')
    .description('End a key, within seconds and for good.')
    .argument('<id>', 'the key: what stands between the underscores')
    .addOption(databaseOption())
    .addOption(dataDirOption())
    .action(action(revoke));
  return key;
};

async function create(session: Session, _arguments: string[], options: CreateOptions) {
  const { role, project, name = '' } = options;
  if (project !== undefined && project !== '*' && !isProjectName(project))
    throw new UsageError(`--project is "${project}"; write small letters, digits and "-", or "*".`);
  const request: KeyRequestInput = {
    role,
    name,
    project: project ?? null,
    expiresInSeconds: options.expires === undefined ? null : readDuration(options.expires),
  };
  await using keys = await openKeyStore(session, options);
  const made = await keys.create(request);
  session.show(made, () => made.key);
  if (!session.json)
    session.streams.stderr.write(
      `The key ${made.id} (${made.role} of ${projectText(made.project)}, ${endText(made)}) is shown this once; keep it as you keep a password.\n`,
    );
  return exitCodes.fine;
}

async function list(session: Session, _arguments: string[], options: WithDatabase) {
  await using keys = await openKeyStore(session, options);
  const items = await keys.list();
  session.show(items, () => (items.length === 0 ? 'No keys yet.' : tableText(columns, items)));
  return exitCodes.fine;
}

async function revoke(session: Session, [id]: string[], options: WithDatabase) {
  await using keys = await openKeyStore(session, options);
  await keys.revoke(id as string);
  session.show({ id, revoked: true }, () => `${id} is revoked.`);
  return exitCodes.fine;
}

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

function readDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
  if (seconds >= 1) return seconds;
  throw new UsageError(`--expires is "${text}"; write a number and s, m, h or d, such as 90d.`);
}

const projectText = (project: string) => (project === '*' ? 'every project' : `the project ${project}`);

function endText({ expiresAt, revokedAt }: Pick<KeyInfo, 'expiresAt' | 'revokedAt'>): string {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt === null) return 'no end';
  const shown = expiresAt.replace(/\.\d+Z$/, 'Z');
  return new Date(expiresAt) < new Date() ? `ended ${shown}` : `until ${shown}`;
}

const columns: Column<KeyInfo>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'role', text: ({ role }) => role },
  { title: 'project', text: ({ project }) => project },
  { title: 'made', text: ({ createdAt }) => createdAt.replace(/\.\d+Z$/, 'Z') },
  { title: 'ends', text: endText },
  { title: 'name', text: ({ name }) => cut(name, 40) },
];
