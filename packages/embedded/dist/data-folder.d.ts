/** Another stack that lives uses the data folder. */
export declare class DataFolderInUse extends Error {
    readonly name = "DataFolderInUse";
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
/**
 * Takes the data folder for this process (made if need be), and first ends what a killed stack left running in
 * it: the processes recorded in `stack.json`.
 *
 * @throws DataFolderInUse when a living stack holds it
 */
export declare function holdDataFolder(path: string): Promise<DataFolder>;
//# sourceMappingURL=data-folder.d.ts.map