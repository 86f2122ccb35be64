/** The one mapping from errors to `application/problem+json` (RFC 9457). */
import { isDatabaseAway } from '@tessera/database';
import { type ErrorCode, errorRegistry, type ProblemDetails, TesseraError } from '@tessera/spec';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export const problemMediaType = 'application/problem+json';

/** Problem details as sent: the schema's fields, and what the registry cannot say. */
export interface SentProblem extends ProblemDetails {
  /** Names the request in the log; only where the log says more than the answer. */
  instance?: string;
}

interface ProblemParts {
  status?: number;
  title?: string;
  errors?: ProblemDetails['errors'];
}

/** Problem details of a code; `status` and `title` are the registry's unless HTTP itself gives better ones. */
export function problemDetails(code: ErrorCode, detail: string, parts: ProblemParts = {}): SentProblem {
  const { status = errorRegistry[code].status, title = errorRegistry[code].title, errors = [] } = parts;
  return {
    type: 'about:blank',
    title,
    status,
    detail,
    code,
    ...(errors.length > 0 && { errors: [...errors] }),
  };
}

/** What Fastify and Node throw before a handler of ours runs. */
const frameworkProblems: Record<string, (error: FastifyError) => SentProblem> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    problemDetails('body-too-large', 'The body is larger than the limit of 1 MiB.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    problemDetails('unsupported-media-type', 'The content type is not one that this route reads.'),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    problemDetails('not-found', 'There is nothing at this path; it is too long.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => problemDetails('invalid-json', 'The body is empty. Send JSON.'),
  FST_ERR_CTP_INVALID_JSON_BODY: (error) => problemDetails('invalid-json', error.message),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    problemDetails('invalid-request', 'The body does not have the length that Content-Length says.'),
};

/** Errors of the system that mean "not now": a full disk, too many open files. */
const unavailableCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE']);

/** Problem details of anything thrown. What we did not foresee becomes `internal` and tells nothing. */
export function problemOf(error: unknown, requestId: string): SentProblem {
  if (error instanceof TesseraError) {
    const problem = problemDetails(error.code, error.message, { errors: [...error.problems] });
    return problem.status < 500 || error.code === 'unavailable' ? problem : internalProblem(requestId);
  }
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known =
    typeof code === 'string' && Object.hasOwn(frameworkProblems, code) ? frameworkProblems[code] : undefined;
  if (known) return known(error as FastifyError);
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return problemDetails('invalid-request', (error as Error).message, { status: statusCode });
  }
  if (isDatabaseAway(error) || (typeof code === 'string' && unavailableCodes.has(code))) {
    return {
      ...problemDetails('unavailable', 'The database or the store does not answer. Try again later.'),
      instance: instanceOf(requestId),
    };
  }
  if (statusCode === 503) return problemDetails('unavailable', 'The server is stopping. Try again later.');
  return internalProblem(requestId);
}

const instanceOf = (requestId: string) => `urn:tessera:request:${requestId}`;

function internalProblem(requestId: string): SentProblem {
  const detail = `Something went wrong here, not in the request. The log names it by the request id ${requestId}.`;
  return { ...problemDetails('internal', detail), instance: instanceOf(requestId) };
}

export function sendProblem(reply: FastifyReply, problem: SentProblem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  if (problem.status === 503) reply.header('retry-after', '2');
  if (problem.status === 429 && !reply.hasHeader('retry-after')) reply.header('retry-after', '60');
  return reply.code(problem.status).type(problemMediaType).send(problem);
}

/** Answers every error and every unknown route or method with problem details; logs what is ours to mend. */
export function installProblemHandlers(app: FastifyInstance): void {
  const methods = methodsByPath(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request.id);
    if (problem.status >= 500) {
      const level = problem.code === 'unavailable' ? 'warn' : 'error';
      request.log[level]({ err: error, method: request.method, url: request.url }, 'request failed');
    }
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] as string;
    const allowed = methods(path);
    // A method that the path has means that something in the path is not as the route wants it.
    if (allowed.length === 0 || (allowed.includes(request.method) && request.method !== 'OPTIONS')) {
      return sendProblem(
        reply,
        problemDetails('not-found', `There is nothing at ${clip(path)}. See /docs for what there is.`),
      );
    }
    reply.header('allow', allowed.join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    const detail = `${clip(path)} has no ${request.method}; it has ${allowed.join(', ')}.`;
    return sendProblem(
      reply,
      problemDetails('invalid-request', detail, { status: 405, title: 'The method is not allowed' }),
    );
  });
}

const clip = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}...` : text);

/** Which methods a path has; told by the routes themselves as they are added. */
function methodsByPath(app: FastifyInstance): (path: string) => string[] {
  const routes: { pattern: RegExp; method: string }[] = [];
  app.addHook('onRoute', (route) => {
    const pattern = new RegExp(
      `^${route.url
        .replace(/[.+?^$|[\]\\]/g, '\\$&')
        .replace(/:\w+(\([^)]*\))?/g, '[^/]+')
        .replace(/\*$/, '.*')}$`,
    );
    for (const method of [route.method].flat()) routes.push({ pattern, method });
  });
  return (path) => {
    const found = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return found.length === 0 ? [] : [...new Set([...found, 'OPTIONS'])].sort();
  };
}

/** Answers what Node's HTTP parser refuses: no request, no reply, only a socket. */
export function refuseMalformedRequest(
  this: FastifyInstance,
  error: { code?: string },
  socket: {
    writable: boolean;
    destroyed: boolean;
    write(text: string): boolean;
    destroy(): unknown;
  },
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, phrase] = tooLarge
    ? [431, 'Request Header Fields Too Large']
    : timedOut
      ? [408, 'Request Timeout']
      : [400, 'Bad Request'];
  const body = JSON.stringify(
    problemDetails('invalid-request', 'The request is not valid HTTP.', { status: status as number }),
  );
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: ${problemMediaType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy();
}

/** A request that could not be routed at all (a malformed escape in its path). */
export function refuseUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, problemOf(error, request.id));
}
