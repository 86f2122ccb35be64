/** The Postgres binaries that npm installed. */
export interface Binaries {
    /** The folder with bin/, lib/ and share/. */
    folder: string;
    version: string;
}
/**
 * Finds the binaries of this platform and makes the symbolic links that npm cannot carry (the package's own
 * install script would make them; it need not run). Where the package's folder is read-only, everything is
 * copied to `copyTo` first. Safe when several processes do it at once.
 */
export declare function findBinaries(copyTo: string): Promise<Binaries>;
/** Copies a `native` folder to `<to>/postgres-<version>`, once. @returns the copy */
export declare function copyBinaries(from: string, to: string, version: string): Promise<string>;
//# sourceMappingURL=binaries.d.ts.map