import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { problemDetails, sendProblem } from './problem.js';

/** How long a client may take over each part of a request, milliseconds. */
export interface RequestTimes {
  headersMs: number;
  /** All of a body, but an upload's, which has a least rate instead (upload.ts). */
  bodyMs: number;
  /** Nothing read and nothing written. */
  idleMs: number;
  /** How often connections are looked at. */
  checkMs: number;
}

export const requestTimes: RequestTimes = {
  headersMs: 15_000,
  bodyMs: 30_000,
  idleMs: 15 * 60_000,
  checkMs: 5000,
};

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route looks after the time of its body itself. */
    takesLongBody?: boolean;
  }
}

/** Ends the reading of a body that takes too long: a client that sends a byte a minute does not hold a socket for a day. */
export function limitBodyTime(app: FastifyInstance, bodyMs: number): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    if (request.routeOptions.config.takesLongBody || !hasBody(request.headers)) return;
    const timer = setTimeout(() => {
      // An answer that has begun, a stream's above all, goes on.
      if (reply.raw.headersSent) return;
      // The socket carries the answer, and ends with it.
      reply.raw.once('close', () => payload.destroy());
      reply.header('connection', 'close');
      sendProblem(reply, problemDetails('request-timeout', `The body took longer than ${bodyMs / 1000} s.`));
    }, bodyMs);
    timer.unref();
    payload.once('close', () => clearTimeout(timer));
    payload.once('end', () => clearTimeout(timer));
  });
}

/** A request without a body has nothing that could end: nobody reads it, and `end` never comes. */
const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
