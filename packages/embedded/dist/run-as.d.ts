/** Postgres refuses to run as root: who runs it instead. */
import { type SpawnOptions } from 'node:child_process';
/** How to start a program of Postgres. */
export interface RunAs {
    /** Put before the program: empty, or `unshare` with its options. */
    prefix: string[];
    /** The user to become; null: stay who we are. */
    user: {
        uid: number;
        gid: number;
    } | null;
}
export declare const isRoot: boolean;
export declare const asOurselves: RunAs;
/** The options of `spawn` that make a program run so. */
export declare function spawnOptions(as: RunAs): SpawnOptions;
/** Whether, run so, `postgres` starts and can write into the folder. */
export declare function canRun(as: RunAs, postgres: string, folder: string): boolean;
/** A user namespace in which root is an ordinary user (not inside a chroot, nor in many containers), or null. */
export declare function userNamespace(postgres: string, folder: string): RunAs | null;
/** The user of the account database made for Postgres; makes it where it is missing. */
export declare function dedicatedUser(log: (line: string) => void): RunAs;
//# sourceMappingURL=run-as.d.ts.map