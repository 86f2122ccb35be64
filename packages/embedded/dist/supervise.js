import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
const firstWaitMs = 250;
const longestWaitMs = 30_000;
/** One that has run this long is healthy: its next end is waited out like a first one. */
const healthyMs = 60_000;
/** One that has never run this long, and has ended this often, is hopeless. */
const startedMs = 10_000;
const hopelessFailures = 4;
/** A log file that has grown past this at a start is put aside as FILE.1. */
const logBytes = 64 * 2 ** 20;
/**
 * Runs a service and starts it again, after a growing wait, whenever it ends by itself. It runs in a session of
 * its own, so that Ctrl-C reaches only the supervisor, which stops services in order; it has an IPC channel,
 * and ends itself when that closes because the supervisor died.
 */
export function superviseProcess(options) {
    const { name, main, env, logFile, graceMs, onPid, log } = options;
    const stopping = new AbortController();
    let child = null;
    let failures = 0;
    const runOnce = () => new Promise((resolve) => {
        const fd = openLog(logFile);
        const started = spawn(process.execPath, ['--enable-source-maps', main], {
            env,
            stdio: ['ignore', fd, fd, 'ipc'],
            detached: true,
        });
        closeSync(fd);
        child = started;
        started.on('error', (error) => {
            child = null;
            resolve(error.message);
        });
        started.on('spawn', () => onPid(started.pid));
        started.on('exit', (code, signal) => {
            child = null;
            onPid(null);
            resolve(signal ?? `exit code ${code}`);
        });
    });
    const run = async () => {
        let waitMs = firstWaitMs;
        let hasStarted = false;
        while (!stopping.signal.aborted) {
            const startedAt = performance.now();
            const end = await runOnce();
            if (stopping.signal.aborted)
                return;
            failures++;
            const ranMs = performance.now() - startedAt;
            hasStarted ||= ranMs > startedMs;
            if (!hasStarted && failures === hopelessFailures)
                options.onHopeless?.();
            if (ranMs > healthyMs)
                waitMs = firstWaitMs;
            log(`${name} ended (${end}) and is started again; its log is ${logFile}.`);
            await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => { });
            waitMs = Math.min(2 * waitMs, longestWaitMs);
        }
    };
    const running = run();
    return {
        name,
        logFile,
        pid: () => child?.pid ?? null,
        failures: () => failures,
        async stop() {
            stopping.abort();
            child?.kill('SIGTERM');
            const patience = setTimeout(() => {
                log(`${name} did not stop within ${graceMs} ms and is killed.`);
                child?.kill('SIGKILL');
            }, graceMs);
            await running;
            clearTimeout(patience);
        },
    };
}
function openLog(file) {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > logBytes)
        renameSync(file, `${file}.1`);
    return openSync(file, 'a', 0o600);
}
//# sourceMappingURL=supervise.js.map