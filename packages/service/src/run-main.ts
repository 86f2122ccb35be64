/** Runs a program's main function; what it throws becomes one sentence and exit code 1. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: sentence(error) })}\n`);
    process.exit(1);
  }
}

/** Libraries put what matters into `cause`, or (node:net, for several addresses) into `errors`. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner =
    error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  // Prisma begins its messages with a line break; a ConfigError has one line for each bad value.
  const own = error.message.trim().replace(/\s*\n\s*/g, ' ');
  return [own, ...inner.map(sentence)].filter((text) => text !== '').join(' ');
}
