import type { LogEntry } from '@tessera/spec';
import { useState } from 'react';
import { clockText } from '../../ui/format.js';

const waveNames = {
  train: 'tile',
  analysis: 'analysis batch',
  strip: 'prediction strip',
  training: 'network',
  finish: 'finish',
};

/** One entry of the log as a sentence. */
export function eventText({ kind, kernel, wave, task, worker, message }: LogEntry): string {
  const place = `${wave ? waveNames[wave] : 'task'} ${task} of kernel ${kernel}`;
  const by = worker ? ` (${worker})` : '';
  const because = message ? `: ${message}` : '';
  if (kind === 'task-again') return `${place} is tried again${because}${by}`;
  if (kind === 'task-failed') return `${place} failed${because}${by}`;
  if (kind === 'kernel-active') return `kernel ${kernel} started`;
  if (kind === 'kernel-done') return `kernel ${kernel} is done`;
  if (kind === 'kernel-failed') return `kernel ${kernel} failed`;
  if (kind.startsWith('kernel-')) return `kernel ${kernel} is ${kind.slice(7)}`;
  return `the experiment is ${kind}${because}`;
}

const isTrouble = ({ kind }: LogEntry) => kind.includes('failed') || kind === 'task-again';

/** What happened, newest first. */
export function LogPanel({ log }: { log: readonly LogEntry[] }) {
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const shown = onlyTrouble ? log.filter(isTrouble) : log;
  return (
    <section className="panel">
      <div className="row spread">
        <h2>Log</h2>
        <label className="row">
          <input
            type="checkbox"
            checked={onlyTrouble}
            onChange={(event) => setOnlyTrouble(event.target.checked)}
          />
          only failures
        </label>
      </div>
      {shown.length === 0 ? (
        <p className="muted">{onlyTrouble ? 'Nothing has failed.' : 'Nothing has happened yet.'}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must be able to
        <ol className="log scroll" tabIndex={0} aria-label="Log, newest first">
          {shown.map((entry) => (
            <li key={entry.id} className={isTrouble(entry) ? 'trouble' : ''}>
              <time dateTime={entry.at}>{clockText(entry.at)}</time> <span>{eventText(entry)}</span>
            </li>
          ))}
        </ol>
      )}
      <p className="muted small">
        States of the experiment and its kernels, failures and lost leases; single tiles that are done are on
        the map. About the last 2,000 entries are kept.
      </p>
    </section>
  );
}
