/** A process that a later start can recognise: a pid alone may have been given to another process since. */
export interface ProcessIdentity {
    pid: number;
    /** Clock ticks between boot and the process's start (/proc/PID/stat, field 22). */
    startTicks: string;
}
/** The identity of a running process, or null where none (or only a zombie) has the pid. */
export declare function identify(pid: number): ProcessIdentity | null;
export declare function isAlive(process: ProcessIdentity): boolean;
/** Waits until the process is gone. @returns whether it went in time */
export declare function waitUntilGone(process: ProcessIdentity, timeoutMs: number): Promise<boolean>;
/** Sends each signal in turn, waiting after each, until the process is gone. */
export declare function endProcess(process: ProcessIdentity, steps: readonly {
    signal: NodeJS.Signals;
    waitMs: number;
}[]): Promise<void>;
/** Sends a signal; a process that has just gone is no error. */
export declare function sendSignal(pid: number, signal: NodeJS.Signals): void;
//# sourceMappingURL=process-identity.d.ts.map