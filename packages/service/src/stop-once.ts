import type { Logger } from '@tessera/telemetry';

/** Begins the stop; a fatal reason makes the exit code 1. */
export type BeginStop = (reason: string, options?: { isFatal: boolean }) => void;

/**
 * Runs `stop` on SIGTERM, SIGINT, or when the process that started this one goes away (its IPC channel closes),
 * then exits 0. A second signal, or `limitMs`, exits 1 at once.
 * @returns how to begin it for another reason
 */
export function stopOnce(logger: Logger, limitMs: number, stop: () => Promise<void>): BeginStop {
  let isStopping = false;
  const begin: BeginStop = (reason, { isFatal } = { isFatal: false }) => {
    if (isStopping) {
      if (reason === 'SIGTERM' || reason === 'SIGINT') process.exit(1);
      return;
    }
    isStopping = true;
    logger.info({ reason }, 'stopping');
    const limit = setTimeout(() => {
      logger.error({ limitMs }, 'stopping took too long');
      process.exit(1);
    }, limitMs);
    limit.unref();
    stop().then(
      () => {
        logger.info('stopped');
        process.exit(isFatal ? 1 : 0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  process.on('disconnect', () => begin('disconnect'));
  // A parent that died before this line leaves a closed channel and no event.
  if (process.channel === null || process.connected === false) begin('disconnect');
  return begin;
}
