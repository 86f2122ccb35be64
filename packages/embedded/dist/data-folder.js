import { link, mkdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, identify, isAlive } from './process-identity.js';
/** Another stack that lives uses the data folder. */
export class DataFolderInUse extends Error {
    name = 'DataFolderInUse';
}
/** A takeover of a dead stack's lock lasts milliseconds; one older than this was itself killed. */
const takeoverMs = 10_000;
/**
 * Takes the data folder for this process (made if need be), and first ends what a killed stack left running in
 * it: the processes recorded in `stack.json`.
 *
 * @throws DataFolderInUse when a living stack holds it
 */
export async function holdDataFolder(path) {
    const logs = join(path, 'logs');
    await mkdir(logs, { recursive: true });
    const file = join(path, 'stack.json');
    const supervisor = identify(process.pid);
    const record = { supervisor, children: {} };
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
            if (identity)
                record.children[name] = identity;
            else
                delete record.children[name];
            save();
        },
        async release() {
            await writing;
            await rm(file, { force: true });
        },
    };
}
/** Makes `file` with our record. @returns the record of the dead stack that had it, or null */
async function takeLock(file, record) {
    const ours = `${file}.${process.pid}.new`;
    await writeFile(ours, JSON.stringify(record, null, 2));
    const deadline = performance.now() + 2 * takeoverMs;
    try {
        while (performance.now() < deadline) {
            if (await linked(ours, file))
                return null;
            const holder = await readRecord(file);
            if (holder && isAlive(holder.supervisor)) {
                throw new DataFolderInUse(`Another tessera (process ${holder.supervisor.pid}) uses this data folder. Stop it, or give this one another folder with --data-dir.`);
            }
            // Two starts may find the same dead stack: one of them takes its place.
            const takeover = `${file}.takeover`;
            if (!(await linked(ours, takeover))) {
                await removeOld(takeover);
                await sleep(50);
                continue;
            }
            const dead = await readRecord(file);
            if (dead && isAlive(dead.supervisor))
                await unlink(takeover);
            else {
                await rename(takeover, file);
                return dead;
            }
        }
    }
    finally {
        await rm(ours, { force: true });
    }
    throw new Error(`Could not take over ${file} from a stack that has ended. Delete the file if no tessera runs there.`);
}
async function linked(from, to) {
    try {
        await link(from, to);
        return true;
    }
    catch (error) {
        if (error.code === 'EEXIST')
            return false;
        throw error;
    }
}
/** Null where the file has gone, or was cut short by a crash of the machine. */
async function readRecord(file) {
    try {
        return JSON.parse(await readFile(file, 'utf8'));
    }
    catch (error) {
        if (error instanceof SyntaxError || error.code === 'ENOENT')
            return null;
        throw error;
    }
}
async function removeOld(file) {
    const found = await stat(file).catch(() => null);
    if (found && Date.now() - found.ctimeMs > takeoverMs)
        await unlink(file).catch(() => { });
}
//# sourceMappingURL=data-folder.js.map