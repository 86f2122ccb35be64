/** Trained networks beside what the kernel predicts, as a table. */
import type { AnalysisRow, TrainingRow } from '@tessera/spec';
import { countText, numberText, percentText } from './format.js';
import { accuracyOf } from './phase-map.js';
import { type Column, tableText } from './table.js';

/** The networks of one kernel and depth: means over their seeds. */
interface Trained {
  row: TrainingRow;
  seeds: number;
  test: number | null;
  train: number | null;
  /** Of the NTK at its last time, or first ridge. */
  kernelTest: number | null;
}

/** More rows than these are left to the CSV. */
const mostRows = 24;

const columns: Column<Trained>[] = [
  { title: 'sigma_w^2', text: ({ row }) => numberText(row.weightVariance), align: 'right' },
  { title: 'sigma_b^2', text: ({ row }) => numberText(row.biasVariance), align: 'right' },
  { title: 'depth', text: ({ row }) => String(row.depth), align: 'right' },
  { title: 'width', text: ({ row }) => String(row.width), align: 'right' },
  { title: 'seeds', text: ({ seeds }) => String(seeds), align: 'right' },
  { title: 'steps', text: ({ row }) => countText(row.steps), align: 'right' },
  { title: 'rate', text: ({ row }) => numberText(row.learningRate), align: 'right' },
  { title: 'train', text: ({ train }) => percentText(train), align: 'right' },
  { title: 'test', text: ({ test }) => percentText(test), align: 'right' },
  { title: 'kernel test', text: ({ kernelTest }) => percentText(kernelTest), align: 'right' },
  { title: '', text: ({ row }) => (row.diverged ? 'diverged' : '') },
];

/** '' where none is trained. */
export function renderNetworksTable(trainings: readonly TrainingRow[], rows: readonly AnalysisRow[]): string {
  const groups = new Map<string, TrainingRow[]>();
  for (const row of trainings) {
    const key = [row.weightVariance, row.biasVariance, row.depth].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  if (groups.size === 0) return '';
  const all = [...groups.values()].map((group): Trained => {
    const row = group[0] as TrainingRow;
    const kernel = rows.find(
      (one) =>
        one.kernel === 'ntk' &&
        one.weightVariance === row.weightVariance &&
        one.biasVariance === row.biasVariance &&
        one.depth === row.depth,
    );
    return {
      row,
      seeds: group.length,
      test: mean(group.map(({ testAccuracy }) => testAccuracy)),
      train: mean(group.map(({ trainAccuracy }) => trainAccuracy)),
      kernelTest: kernel === undefined ? null : accuracyOf(kernel, 'test'),
    };
  });
  const left = all.length - mostRows;
  const more = left > 0 ? `\n... and ${countText(left)} more: trainings.csv of the API has them` : '';
  return `Networks of finite width, at their end\n${tableText(columns, all.slice(0, mostRows))}${more}`;
}

function mean(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((sum, value) => sum + value, 0) / there.length;
}
