import { link, mkdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, identify, isAlive, type ProcessIdentity, waitUntilGone } from './process-identity.js';

/** Another stack that lives uses the data folder. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';
}

interface StackRecord {
  supervisor: ProcessIdentity;
  /** Service processes by name. */
  children: Record<string, ProcessIdentity>;
}

/** The hold of one stack on its data folder. */
export interface DataFolder {
  readonly path: string;
  /** `<path>/logs`, made already. */
  readonly logs: string;
  /** Records a child, so that a start over the killed stack can end it; null: it has ended. */
  record(name: string, pid: number | null): void;
  /** Waits for the last record, and gives the folder up. */
  release(): Promise<void>;
}

/** A takeover of a dead stack's lock lasts milliseconds; one older than this was itself killed. */
const takeoverMs = 10_000;

/** How long a holder may take to go: one that was just killed, and is restarted at once, may not have gone yet. */
const goingMs = 1000;

/**
 * Takes the data folder for this process (made if need be), and first ends what a killed stack left running in
 * it: the processes recorded in `stack.json`.
 *
 * @throws DataFolderInUse when a living stack holds it
 */
export async function holdDataFolder(path: string): Promise<DataFolder> {
  const logs = join(path, 'logs');
  await mkdir(logs, { recursive: true });
  const file = join(path, 'stack.json');
  const supervisor = identify(process.pid) as ProcessIdentity;
  const record: StackRecord = { supervisor, children: {} };
  const left = await takeLock(file, record);
  for (const child of Object.values(left?.children ?? {})) {
    await endProcess(child, [
      { signal: 'SIGTERM', waitMs: 3000 },
      { signal: 'SIGKILL', waitMs: 3000 },
    ]);
  }

  let writing = Promise.resolve();
  let temporaries = 0;
  const save = () => {
    const text = JSON.stringify(record, null, 2);
    writing = writing.then(async () => {
      const temporary = `${file}.${process.pid}.${temporaries++}`;
      await writeFile(temporary, text);
      await rename(temporary, file);
    });
  };
  return {
    path,
    logs,
    record(name, pid) {
      const identity = pid === null ? null : identify(pid);
      if (identity) record.children[name] = identity;
      else delete record.children[name];
      save();
    },
    async release() {
      await writing;
      await rm(file, { force: true });
    },
  };
}

/** Makes `file` with our record. @returns the record of the dead stack that had it, or null */
async function takeLock(file: string, record: StackRecord): Promise<StackRecord | null> {
  const ours = `${file}.${process.pid}.new`;
  await writeFile(ours, JSON.stringify(record, null, 2));
  const deadline = performance.now() + 2 * takeoverMs;
  try {
    while (performance.now() < deadline) {
      if (await linked(ours, file)) return null;
      const holder = await readRecord(file);
      if (holder && !(await waitUntilGone(holder.supervisor, goingMs))) {
        throw new DataFolderInUse(
          `Another tessera (process ${holder.supervisor.pid}) uses this data folder. Stop it, or give this one another folder with --data-dir.`,
        );
      }
      // Two starts may find the same dead stack: one of them takes its place.
      const takeover = `${file}.takeover`;
      if (!(await linked(ours, takeover))) {
        await removeOld(takeover);
        await sleep(50);
        continue;
      }
      const dead = await readRecord(file);
      if (dead && isAlive(dead.supervisor)) await unlink(takeover);
      else {
        await rename(takeover, file);
        return dead;
      }
    }
  } finally {
    await rm(ours, { force: true });
  }
  throw new Error(
    `Could not take over ${file} from a stack that has ended. Delete the file if no tessera runs there.`,
  );
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null where the file has gone, or was cut short by a crash of the machine. */
async function readRecord(file: string): Promise<StackRecord | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StackRecord;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function removeOld(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found && Date.now() - found.ctimeMs > takeoverMs) await unlink(file).catch(() => {});
}
