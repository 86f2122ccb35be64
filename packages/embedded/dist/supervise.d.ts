export interface ServiceOptions {
    /** Names it in messages and in the data folder's record. */
    name: string;
    /** The JavaScript file Node runs. */
    main: string;
    env: NodeJS.ProcessEnv;
    /** Standard output and error are appended here. */
    logFile: string;
    /** After SIGTERM, before SIGKILL. */
    graceMs: number;
    /** Called with the pid of each start, and with null after each end. */
    onPid: (pid: number | null) => void;
    /** One line for people each. */
    log: (line: string) => void;
    /** Called once when it has never run for long and keeps ending: it will not come up. */
    onHopeless?: () => void;
}
export interface SupervisedProcess {
    readonly name: string;
    readonly logFile: string;
    pid(): number | null;
    /** How often it has ended by itself. */
    failures(): number;
    /** SIGTERM, then SIGKILL after the grace; resolves when it is gone. */
    stop(): Promise<void>;
}
/**
 * Runs a service and starts it again, after a growing wait, whenever it ends by itself. It runs in a session of
 * its own, so that Ctrl-C reaches only the supervisor, which stops services in order; it has an IPC channel,
 * and ends itself when that closes because the supervisor died.
 */
export declare function superviseProcess(options: ServiceOptions): SupervisedProcess;
//# sourceMappingURL=supervise.d.ts.map