/**
 * A shell that waits for this process's end (the end of its input), and then sends the signal: for programs
 * that cannot watch their parent themselves.
 */
export declare function endWithParent(pid: number, signal: 'INT' | 'TERM' | 'KILL'): {
    cancel(): void;
};
//# sourceMappingURL=end-with-parent.d.ts.map