import type { DataFolder } from './data-folder.js';
export interface EmbeddedPostgres {
    /** postgresql://tessera:...@127.0.0.1:PORT/tessera, the same for the life of this object. */
    readonly url: string;
    readonly port: number;
    pid(): number | null;
    stop(): Promise<void>;
}
export interface PostgresOptions {
    folder: DataFolder;
    /** One line for people each. */
    log: (line: string) => void;
}
/**
 * Starts the Postgres of a held data folder on a free port of 127.0.0.1, ending first what a killed stack left
 * of it, and starts it again when it dies. It runs in a session of its own, so Ctrl-C does not reach it; when
 * this process dies, a watching shell shuts it down.
 */
export declare function startPostgres({ folder, log }: PostgresOptions): Promise<EmbeddedPostgres>;
/** A port of 127.0.0.1 that nobody listens on now. */
export declare function freePort(): Promise<number>;
//# sourceMappingURL=postgres.d.ts.map