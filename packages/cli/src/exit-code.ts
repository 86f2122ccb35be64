/** What the command's exit code says. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, noServer: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
