/** What an experiment found, as a table of a few rows. */
import type { AnalysisRow } from '@tessera/spec';
import { countText, numberText, percentText } from './format.js';
import { accuracyOf } from './phase-map.js';
import { type Column, tableText } from './table.js';

const columns: Column<AnalysisRow>[] = [
  { title: 'kernel', text: (row) => row.kernel },
  { title: 'phase', text: (row) => row.phase },
  { title: 'sigma_w^2', text: (row) => numberText(row.weightVariance), align: 'right' },
  { title: 'sigma_b^2', text: (row) => numberText(row.biasVariance), align: 'right' },
  { title: 'depth', text: (row) => String(row.depth), align: 'right' },
  { title: 'test', text: (row) => percentText(accuracyOf(row, 'test')), align: 'right' },
  { title: 'train', text: (row) => percentText(accuracyOf(row, 'train')), align: 'right' },
  { title: 'kappa', text: (row) => numberText(row.kappa), align: 'right' },
  { title: 'lambda_max', text: (row) => numberText(row.lambdaMax), align: 'right' },
  { title: 'xi', text: (row) => numberText(row.xi1 ?? row.xiStar), align: 'right' },
  { title: 'status', text: (row) => row.status },
];

/**
 * For each kernel and phase the row with the best test accuracy (training accuracy without test images; the
 * deepest row without either), and how many rows there are of each status.
 */
export function renderResultTable(rows: readonly AnalysisRow[]): string {
  if (rows.length === 0) return 'No result is complete yet.';
  const groups = new Map<string, AnalysisRow>();
  for (const row of rows) {
    const key = `${row.kernel} ${row.phase}`;
    const best = groups.get(key);
    if (best === undefined || isBetter(row, best)) groups.set(key, row);
  }
  const order = ['ordered', 'critical', 'chaotic', 'unbounded', 'degenerate'];
  const shown = [...groups.values()].sort(
    (a, b) => b.kernel.localeCompare(a.kernel) || order.indexOf(a.phase) - order.indexOf(b.phase),
  );
  return `Best of each kernel and phase\n${tableText(columns, shown)}\n${statusText(rows)}`;
}

function isBetter(row: AnalysisRow, best: AnalysisRow): boolean {
  const score = (candidate: AnalysisRow) =>
    accuracyOf(candidate, 'test') ?? accuracyOf(candidate, 'train') ?? -1;
  const difference = score(row) - score(best);
  return difference > 0 || (difference === 0 && score(row) < 0 && row.depth > best.depth);
}

function statusText(rows: readonly AnalysisRow[]): string {
  const counts = new Map<string, number>();
  for (const { status } of rows) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].map(([status, count]) => `${countText(count)} ${status}`);
  return `${countText(rows.length)} ${rows.length === 1 ? 'row' : 'rows'}: ${parts.join(', ')}`;
}
