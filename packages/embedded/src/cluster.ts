/** Where a data folder's Postgres cluster lies, who runs it, and how it is made. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyBinaries, findBinaries } from './binaries.js';
import {
  asOurselves,
  canRun,
  dedicatedUser,
  isRoot,
  type RunAs,
  spawnOptions,
  userNamespace,
} from './run-as.js';

export const user = 'tessera';
export const database = 'tessera';

/** Of the clusters that cannot lie in their data folder. */
export const elsewhere = '/var/lib/tessera';

export interface Cluster {
  /** The folder with PG_VERSION. */
  folder: string;
  /** The `native` folder of the binaries. */
  binaries: string;
  runAs: RunAs;
  password: string;
}

/** `<dataDir>/postgres.json`, mode 0600. */
interface ClusterRecord {
  folder: string;
  /** The major version that made the cluster. */
  version: string;
  password: string;
}

/** Finds the data folder's cluster, or makes it (0.6 s). An interrupted making leaves nothing that counts. */
export async function openCluster(dataDir: string, log: (line: string) => void): Promise<Cluster> {
  const binaries = await findBinaries(join(dataDir, 'postgres-binaries'));
  const recordFile = join(dataDir, 'postgres.json');
  const record = await readRecord(recordFile);
  const major = (binaries.version.match(/^\d+/) as RegExpMatchArray)[0];
  if (record) {
    if (record.version !== major) {
      throw new Error(
        `The database in ${record.folder} was made by Postgres ${record.version}, and this is Postgres ${major}. ` +
          'Use another data folder, or the release of Tessera that made this one.',
      );
    }
    return {
      ...(await runnerOf(record.folder, binaries, log)),
      folder: record.folder,
      password: record.password,
    };
  }

  const place = await choosePlace(await realpath(dataDir), binaries, log);
  const password = randomBytes(24).toString('base64url');
  await initialize(place, password);
  const text = JSON.stringify(
    { folder: place.folder, version: major, password } satisfies ClusterRecord,
    null,
    2,
  );
  await writeFile(`${recordFile}.new`, text, { mode: 0o600 });
  await rename(`${recordFile}.new`, recordFile);
  return { ...place, password };
}

/** The cluster of a data folder, where one was made. */
export const readCluster = (dataDir: string) => readRecord(join(dataDir, 'postgres.json'));

async function readRecord(file: string): Promise<ClusterRecord | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ClusterRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${file} cannot be read. It holds the embedded database's password.`, { cause: error });
  }
}

type Place = Omit<Cluster, 'password'>;
type FoundBinaries = Awaited<ReturnType<typeof findBinaries>>;

/** Where a new cluster goes: the data folder, or, where no user but root can enter that, /var/lib/tessera. */
async function choosePlace(
  dataDir: string,
  found: FoundBinaries,
  log: (line: string) => void,
): Promise<Place> {
  const folder = join(dataDir, 'postgres');
  const postgres = join(found.folder, 'bin/postgres');
  if (!isRoot) return { folder, binaries: found.folder, runAs: asOurselves };
  const namespace = userNamespace(postgres, dataDir);
  if (namespace) return { folder, binaries: found.folder, runAs: namespace };

  const runAs = dedicatedUser(log);
  const binaries = await reachableBinaries(found, runAs);
  const probe = await mkdtemp(join(dataDir, 'probe-'));
  await chown(probe, runAs.user?.uid as number, runAs.user?.gid as number);
  const canEnter = canRun(runAs, join(binaries, 'bin/postgres'), probe);
  await rm(probe, { recursive: true });
  if (canEnter) return { folder, binaries, runAs };
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return { folder: join(elsewhere, key, 'postgres'), binaries, runAs };
}

/** Who runs a cluster that exists: its owner. */
async function runnerOf(
  folder: string,
  found: FoundBinaries,
  log: (line: string) => void,
): Promise<{ binaries: string; runAs: RunAs }> {
  const owner = await stat(folder).catch((error: unknown) => {
    throw new Error(`The embedded database's folder ${folder} is missing or closed to this user.`, {
      cause: error,
    });
  });
  if (!isRoot) {
    if (owner.uid === process.getuid?.()) return { binaries: found.folder, runAs: asOurselves };
    throw new Error(
      `The embedded database in ${folder} belongs to the user with id ${owner.uid}. Start tessera as that user, or use another data folder.`,
    );
  }
  if (owner.uid === 0) {
    const namespace = userNamespace(join(found.folder, 'bin/postgres'), folder);
    if (namespace) return { binaries: found.folder, runAs: namespace };
    // Made where root could have a user namespace; here it cannot: the files change their owner.
    const runAs = dedicatedUser(log);
    await changeOwner(folder, runAs);
    return { binaries: await reachableBinaries(found, runAs), runAs };
  }
  const runAs: RunAs = { prefix: [], user: { uid: owner.uid, gid: owner.gid } };
  return { binaries: await reachableBinaries(found, runAs), runAs };
}

async function changeOwner(folder: string, { user: owner }: RunAs): Promise<void> {
  const copy = `${folder}.owned`;
  await rm(copy, { recursive: true, force: true });
  await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
  await run(['chown', '-R', `${owner?.uid}:${owner?.gid}`, copy], asOurselves);
  await chmod(copy, 0o700);
  await rm(folder, { recursive: true });
  await rename(copy, folder);
}

async function reachableBinaries(found: FoundBinaries, runAs: RunAs): Promise<string> {
  if (canRun(runAs, join(found.folder, 'bin/postgres'), '/tmp')) return found.folder;
  await mkdir(elsewhere, { recursive: true, mode: 0o755 });
  await chmod(elsewhere, 0o755);
  const copy = await copyBinaries(found.folder, elsewhere, found.version);
  await run(['chmod', '-R', 'a+rX', dirname(copy)], asOurselves);
  return copy;
}

/**
 * initdb beside the final folder, then a rename. UTF-8 with Postgres's built-in collation: a bare machine has no
 * locale but C, and initdb would choose SQL_ASCII.
 */
async function initialize({ folder, binaries, runAs }: Place, password: string): Promise<void> {
  const making = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  for (const left of [making, folder]) await rm(left, { recursive: true, force: true });
  await mkdir(making, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    if (runAs.user) {
      for (const path of [making, passwordFile]) await chown(path, runAs.user.uid, runAs.user.gid);
      if (!(await lstat(dirname(folder))).isDirectory())
        throw new Error(`${dirname(folder)} is not a folder.`);
    }
    await run(
      [
        join(binaries, 'bin/initdb'),
        `--pgdata=${making}`,
        `--username=${user}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
      ],
      runAs,
    );
    const single = [join(binaries, 'bin/postgres'), '--single', '-D', making, 'postgres'];
    await run(single, runAs, `CREATE DATABASE ${database};\n`);
    await rename(making, folder);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Runs a program to its end. @throws with what it printed when it fails */
function run(command: string[], as: RunAs, input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = [...as.prefix, ...command] as [string, ...string[]];
    const child = spawn(program, args, { ...spawnOptions(as), stdio: 'pipe', cwd: '/', detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => reject(new Error(`${program} could not be started.`, { cause: error })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command[0]} ended with ${signal ?? code}:\n${output.trim()}`));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
