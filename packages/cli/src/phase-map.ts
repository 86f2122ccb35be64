/** One map over (weightVariance, depth): its axes, its values and the depth scales drawn over it. */
import type { AnalysisRow, Phase } from '@tessera/spec';

export type MapQuantity = 'train' | 'test';

export interface PhaseMap {
  /** sigma_w^2 of each column, rising. */
  weightVariances: number[];
  /** Depth of each row, rising; rows are evenly spaced as listed. */
  depths: number[];
  /** values[row][column]; null where there is no number (yet). */
  values: (number | null)[][];
  phases: (Phase | null)[];
  /** For each column, 8 xi_1 (ordered) or 8 xi_* (chaotic) in depths, or null. */
  xi1Depths: (number | null)[];
  xiStarDepths: (number | null)[];
}

/** Accuracy of gradient flow at a time, or of ridge regression where the experiment has no dynamics. */
export function accuracyOf(row: AnalysisRow, quantity: MapQuantity, time?: number): number | null {
  const scores =
    row.dynamics.length > 0
      ? (row.dynamics.find((entry) => entry.time === time) ?? lastTime(row.dynamics))
      : row.regression[0];
  if (scores === undefined) return null;
  return quantity === 'train' ? scores.trainAccuracy : scores.testAccuracy;
}

function lastTime<Entry extends { time: number }>(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (last, e) => (last === undefined || e.time > last.time ? e : last),
    undefined,
  );
}

/** The map of an accuracy over the rows of one kernel and one biasVariance. */
export function phaseMapOf(rows: readonly AnalysisRow[], quantity: MapQuantity, time?: number): PhaseMap {
  const rising = (values: number[]) => [...new Set(values)].sort((a, b) => a - b);
  const weightVariances = rising(rows.map((row) => row.weightVariance));
  const depths = rising(rows.map((row) => row.depth));
  const columns = new Map(weightVariances.map((value, i) => [value, i]));
  const lines = new Map(depths.map((value, i) => [value, i]));
  const empty = <T>(value: T): T[] => weightVariances.map(() => value);
  const values = depths.map(() => empty<number | null>(null));
  const phases = empty<Phase | null>(null);
  const xi1Depths = empty<number | null>(null);
  const xiStarDepths = empty<number | null>(null);
  for (const row of rows) {
    const column = columns.get(row.weightVariance) as number;
    (values[lines.get(row.depth) as number] as (number | null)[])[column] = accuracyOf(row, quantity, time);
    phases[column] = row.phase;
    xi1Depths[column] = row.xi1 === null ? null : 8 * row.xi1;
    xiStarDepths[column] = row.xiStar === null ? null : 8 * row.xiStar;
  }
  return { weightVariances, depths, values, phases, xi1Depths, xiStarDepths };
}

/**
 * Where a depth lies among the listed depths, in rows: 0 is the first listed, fractions lie between two;
 * -1 is below all of them, `depths.length` above.
 */
export function rowPosition(depths: readonly number[], depth: number): number {
  const above = depths.findIndex((listed) => listed >= depth);
  if (above < 0) return depths.length;
  if (above === 0) return depth === depths[0] ? 0 : -1;
  const [low, high] = [depths[above - 1] as number, depths[above] as number];
  return above - 1 + (depth - low) / (high - low);
}

/** The smallest and largest value of a map, or null where it has none. */
export function valueRange(map: PhaseMap): [number, number] | null {
  const present = map.values.flat().filter((value) => value !== null);
  return present.length === 0 ? null : [Math.min(...present), Math.max(...present)];
}

/** The map with at most so many columns and rows, evenly picked. */
export function thinned(map: PhaseMap, columns: number, rows: number): PhaseMap {
  const pick = (length: number, limit: number) => {
    const count = Math.max(1, Math.min(length, limit));
    return Array.from({ length: count }, (_, i) =>
      count === 1 ? 0 : Math.round((i * (length - 1)) / (count - 1)),
    );
  };
  const chosen = pick(map.weightVariances.length, columns);
  const lines = pick(map.depths.length, rows);
  const of = <T>(list: readonly T[], indices: readonly number[]) => indices.map((i) => list[i] as T);
  return {
    weightVariances: of(map.weightVariances, chosen),
    depths: of(map.depths, lines),
    values: of(map.values, lines).map((line) => of(line, chosen)),
    phases: of(map.phases, chosen),
    xi1Depths: of(map.xi1Depths, chosen),
    xiStarDepths: of(map.xiStarDepths, chosen),
  };
}
