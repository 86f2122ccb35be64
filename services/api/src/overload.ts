import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { problemDetails, sendProblem } from './problem.js';

/** Behind by more than this, the event loop has more to do than it can. */
const maxEventLoopDelayMs = 3000;
/** Of the heap that Node ends the process at. */
const maxHeapShare = 0.9;

/**
 * Sheds load: while the process is behind, or short of memory, requests are answered 503 with `Retry-After` before they cost
 * anything. Health is answered all the same: a restart would lose what is in hand and help nobody.
 */
export async function installOverload(
  app: FastifyInstance,
  limits: { maxEventLoopDelay?: number } = {},
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: limits.maxEventLoopDelay ?? maxEventLoopDelayMs,
    maxHeapUsedBytes: Math.floor(maxHeapShare * getHeapStatistics().heap_size_limit),
    sampleInterval: 1000,
    pressureHandler(request, reply, type, value) {
      if (['/healthz', '/readyz', '/metrics'].includes(request.routeOptions.url ?? '')) return;
      request.log.warn({ type, value, url: request.url }, 'shed: more to do than this process can');
      sendProblem(
        reply,
        problemDetails('unavailable', 'The server has more to do than it can. Try again after Retry-After.'),
      );
    },
  });
}
