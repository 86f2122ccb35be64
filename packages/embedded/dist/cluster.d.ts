import { type RunAs } from './run-as.js';
export declare const user = "tessera";
export declare const database = "tessera";
/** Of the clusters that cannot lie in their data folder. */
export declare const elsewhere = "/var/lib/tessera";
export interface Cluster {
    /** The folder with PG_VERSION. */
    folder: string;
    /** The `native` folder of the binaries. */
    binaries: string;
    runAs: RunAs;
    password: string;
}
/** Finds the data folder's cluster, or makes it (0.6 s). An interrupted making leaves nothing that counts. */
export declare function openCluster(dataDir: string, log: (line: string) => void): Promise<Cluster>;
//# sourceMappingURL=cluster.d.ts.map