/** One client's stream of server-sent events. */
import { Readable } from 'node:stream';
import type { ExperimentEvent } from '@tessera/spec';
import type { EventHub } from './event-hub.js';
import { type PlannedExperiment, presentFailure, presentProgress } from './experiment-view.js';

/** Comments that keep proxies from closing a quiet stream. */
const heartbeatMs = 15_000;
/** A client that leaves this much unread is cut off; it gets a snapshot when it comes back. */
const unreadBytesLimit = 256 * 1024;

/**
 * The events of an experiment as `text/event-stream`: at once `state` and `progress` as they are, then each
 * change. The id of an event is the experiment's revision. Ends when the experiment is deleted.
 */
export function openEventStream(hub: EventHub, first: PlannedExperiment): Readable {
  let lastState = '';
  let lastProgress = '';
  const stream = new Readable({ read() {}, highWaterMark: unreadBytesLimit });
  const write = (text: string) => {
    if (!stream.push(text) && stream.readableLength > unreadBytesLimit) stream.destroy();
  };
  const tell = (record: PlannedExperiment | null) => {
    if (stream.destroyed || stream.readableEnded) return;
    if (record === null) {
      stream.push(null);
      return;
    }
    const { id, paused } = record;
    const state = { id, state: record.state, error: presentFailure(record.error), paused };
    const progress = presentProgress(record);
    const revision = String(record.revision);
    if (changed(state, lastState)) write(encodeEvent({ event: 'state', revision, data: state }));
    if (changed(progress, lastProgress)) write(encodeEvent({ event: 'progress', revision, data: progress }));
    lastState = JSON.stringify(state);
    lastProgress = JSON.stringify(progress);
  };
  const stop = hub.watch(first.id, tell);
  const heartbeat = setInterval(() => write(': still here\n\n'), heartbeatMs);
  heartbeat.unref();
  stream.once('close', () => {
    clearInterval(heartbeat);
    stop();
  });
  stream.push('retry: 1000\n\n');
  tell(first);
  return stream;
}

const changed = (value: object, last: string) => JSON.stringify(value) !== last;

function encodeEvent({ event, revision, data }: ExperimentEvent): string {
  return `id: ${revision}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
