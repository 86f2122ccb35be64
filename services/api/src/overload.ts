import { getHeapStatistics } from 'node:v8';
import type { LoopDelay } from '@tessera/telemetry';
import type { FastifyInstance } from 'fastify';
import { problemDetails, sendProblem } from './problem.js';

/** Behind by more than this, the event loop has more to do than it can. */
const maxLoopDelayMs = 3000;
/** Of the heap that Node ends the process at. */
const maxHeapShare = 0.9;

/** Answered whatever there is to do: a restart would lose what is in hand and help nobody. */
const alwaysAnswered = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Sheds load: while the process is behind, or short of memory, requests are answered 503 with `Retry-After` before they cost
 * anything. `@fastify/under-pressure` does the same, and wakes the process a hundred times a second for it.
 */
export function installOverload(
  app: FastifyInstance,
  loopDelay: LoopDelay,
  maxDelayMs = maxLoopDelayMs,
): void {
  const { heap_size_limit: heapLimit } = getHeapStatistics();
  const findPressure = () => {
    if (loopDelay.lastingMs > maxDelayMs) return { delayMs: loopDelay.lastingMs };
    const { used_heap_size: heapUsed } = getHeapStatistics();
    return heapUsed > maxHeapShare * heapLimit ? { heapUsed } : null;
  };
  app.addHook('onRequest', async (request, reply) => {
    if (alwaysAnswered.has(request.routeOptions.url ?? '')) return;
    const pressure = findPressure();
    if (pressure === null) return;
    request.log.warn({ ...pressure, url: request.url }, 'shed: more to do than this process can');
    return sendProblem(
      reply,
      problemDetails('unavailable', 'The server has more to do than it can. Try again after Retry-After.'),
    );
  });
}
