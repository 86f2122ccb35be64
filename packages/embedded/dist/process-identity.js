import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
/** The identity of a running process, or null where none (or only a zombie) has the pid. */
export function identify(pid) {
    let stat;
    try {
        stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    }
    catch {
        return null;
    }
    // The command's name, in parentheses, may hold spaces and parentheses.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X')
        return null;
    return { pid, startTicks: rest[18] };
}
export function isAlive(process) {
    return identify(process.pid)?.startTicks === process.startTicks;
}
/** Waits until the process is gone. @returns whether it went in time */
export async function waitUntilGone(process, timeoutMs) {
    const deadline = performance.now() + timeoutMs;
    while (isAlive(process)) {
        if (performance.now() > deadline)
            return false;
        await sleep(20);
    }
    return true;
}
/** Sends each signal in turn, waiting after each, until the process is gone. */
export async function endProcess(process, steps) {
    for (const { signal, waitMs } of steps) {
        if (!isAlive(process))
            return;
        sendSignal(process.pid, signal);
        if (await waitUntilGone(process, waitMs))
            return;
    }
}
/** Sends a signal; a process that has just gone is no error. */
export function sendSignal(pid, signal) {
    try {
        process.kill(pid, signal);
    }
    catch (error) {
        if (error.code !== 'ESRCH')
            throw error;
    }
}
//# sourceMappingURL=process-identity.js.map