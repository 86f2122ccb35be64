import { readFile } from 'node:fs/promises';
import type { RunResult } from './run.js';
import { faultKinds } from './schedule.js';

/** The runs that a log holds. */
export async function doneRuns(file: string): Promise<RunResult[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunResult);
}

/** The table of docs/reliability.md. */
export function summaryTable(results: readonly RunResult[]): string {
  const sum = (of: (result: RunResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const most = (of: (result: RunResult) => number) => Math.max(0, ...results.map(of));
  const faults = (result: RunResult) => Object.values(result.faults).reduce((total, n) => total + n, 0);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const rows: [string, string | number][] = [
    ['runs', results.length],
    ['faults', sum(faults)],
    ...faultKinds.map((kind): [string, number] => [`- ${kind}`, sum((result) => result.faults[kind] ?? 0)]),
    ['experiments compared or deleted', sum(({ experiments }) => experiments)],
    ['cancelled and retried', sum(({ cancels }) => cancels)],
    ['tiles computed', sum(({ tiles }) => tiles)],
    ['tasks of all waves accepted', sum(({ accepted }) => accepted)],
    ['leases that ended or were given back', sum(({ leasesEnded }) => leasesEnded)],
    ['damaged pieces found and computed again', sum(({ sentBack }) => sentBack)],
    ['tiles lost', sum(({ tilesLost }) => tilesLost)],
    ['tiles accepted twice', sum(({ acceptedTwice }) => acceptedTwice)],
    ['arrays compared', sum(({ arraysCompared }) => arraysCompared)],
    ['arrays that differ', sum(({ arraysDiffer }) => arraysDiffer)],
    ['invariants violated', sum(({ violations }) => violations.length)],
    ['longest stall', seconds(most(({ longestStallMs }) => longestStallMs))],
    ['longest recovery after the last fault', seconds(most(({ recoveryMs }) => recoveryMs))],
    ['wall time', seconds(1000 * sum((result) => result.seconds))],
  ];
  return ['| what | count |', '|---|---|', ...rows.map(([what, n]) => `| ${what} | ${n} |`)].join('\n');
}
