/** Follows an experiment's server-sent events over lost connections. */
import type { ExperimentEvent, ExperimentState } from '@tessera/spec';
import { TesseraError, terminalStates } from '@tessera/spec';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { ConnectionError } from './connection-error.js';
import { noAnswer, type Server, send } from './http.js';

export interface WatchOptions {
  signal?: AbortSignal;
  /** How long to go on trying while no connection succeeds, once one has; default one minute. */
  reconnectMs?: number;
  /** Told each time the connection is lost and tried again. */
  onReconnect?: (error: Error) => void;
}

const firstDelayMs = 200;
const longestDelayMs = 5000;

/**
 * The events of an experiment until it ends in a terminal state. After a lost connection the current
 * snapshot comes again.
 *
 * @throws ConnectionError where the first connection fails, or none succeeds for `reconnectMs`
 * @throws TesseraError `not-found` where there is no such experiment (any more)
 */
export async function* watchExperiment(
  server: Server,
  path: string,
  options: WatchOptions = {},
): AsyncGenerator<ExperimentEvent> {
  const { signal, reconnectMs = 60_000, onReconnect } = options;
  let lastRevision: string | undefined;
  let lastHeardMs: number | null = null;
  let delayMs = firstDelayMs;
  for (;;) {
    try {
      for await (const event of eventsOnce(server, path, lastRevision, signal)) {
        lastHeardMs = Date.now();
        delayMs = firstDelayMs;
        lastRevision = event.revision;
        yield event;
        if (event.event === 'state' && isTerminal(event.data.state)) return;
      }
      lastHeardMs ??= Date.now(); // the server closed the stream: connect again
    } catch (error) {
      if (
        !isPassing(error) ||
        signal?.aborted ||
        lastHeardMs === null ||
        Date.now() - lastHeardMs > reconnectMs
      )
        throw error;
      onReconnect?.(error);
    }
    await pause(delayMs, signal);
    delayMs = Math.min(2 * delayMs, longestDelayMs);
  }
}

/** A lost connection, or a server that starts again: worth another try. */
function isPassing(error: unknown): error is Error {
  return error instanceof ConnectionError || (error instanceof TesseraError && error.code === 'unavailable');
}

function isTerminal(state: ExperimentState): boolean {
  return (terminalStates as readonly ExperimentState[]).includes(state);
}

async function* eventsOnce(
  server: Server,
  path: string,
  lastRevision: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ExperimentEvent> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastRevision !== undefined) headers['last-event-id'] = lastRevision;
  const response = await send(server, path, { headers, signal });
  if (response.body === null) return;
  const messages = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  try {
    for await (const message of messages) {
      if (message.event !== 'state' && message.event !== 'progress') continue;
      const { event, id = '', data } = message;
      yield { event, revision: id, data: JSON.parse(data) } as ExperimentEvent;
    }
  } catch (error) {
    throw signal?.aborted || error instanceof SyntaxError ? error : noAnswer(server.url, error);
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
