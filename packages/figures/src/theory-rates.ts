/** Table 1's asymptotics as curves against depth: leading terms as they are, orders through the measured points. */
import type { AnalysisRow, KernelName } from '@tessera/spec';
import { selectedCount } from '@tessera/spec';
import { asymptotics, type MeanField, meanField, type SpectrumAsymptotics } from '@tessera/theory';
import type { FigureExperiment } from './experiment-words.js';

export type RateQuantity = keyof SpectrumAsymptotics;

export interface RateCurve {
  /** As the table writes it. */
  formula: string;
  /** True where the table gives an order only: the constant is fitted to the deepest third of the points. */
  isFitted: boolean;
  points: [depth: number, value: number][];
}

/** Depths a curve is drawn at: from 1, at most so many. */
const samples = 120;

/**
 * The curve of one quantity at one grid point; null where the table has none (no finite q*) or the order has no
 * point to go through.
 */
export function rateCurve(
  experiment: FigureExperiment,
  kernel: KernelName,
  quantity: RateQuantity,
  at: { weightVariance: number; biasVariance: number },
  measured: readonly (readonly [depth: number, value: number | null])[],
): RateCurve | null {
  const { architecture, dataset } = experiment.spec;
  const point: MeanField = meanField(architecture.activation, at.weightVariance, at.biasVariance);
  const entryAt = (depth: number) =>
    asymptotics({
      activation: architecture.activation,
      point,
      kernel,
      family: architecture.family,
      padding: architecture.padding,
      trainCount: selectedCount(dataset.train),
      pixels: experiment.pixels,
      depth,
      ...at,
    })?.[quantity] ?? null;
  const most = Math.max(1, ...measured.map(([depth]) => depth));
  const first = entryAt(most);
  if (first === null) return null;
  const isFitted = first.value === null;
  let factor = 1;
  if (isFitted) {
    const usable = measured.flatMap(([depth, value]) => {
      const growth = depth >= 1 ? (entryAt(depth)?.growth ?? 0) : 0;
      return value !== null && value > 0 && growth > 0 ? [Math.log(value / growth)] : [];
    });
    const deepest = usable.slice(-Math.max(1, Math.ceil(usable.length / 3)));
    if (deepest.length === 0) return null;
    factor = Math.exp(deepest.reduce((sum, log) => sum + log, 0) / deepest.length);
  }
  const step = Math.max(1, Math.ceil(most / samples));
  const depths = Array.from({ length: Math.floor((most - 1) / step) + 1 }, (_, i) => 1 + i * step);
  if (depths.at(-1) !== most) depths.push(most);
  const points = depths.flatMap((depth): [number, number][] => {
    const entry = entryAt(depth);
    const value = entry === null ? null : isFitted ? factor * entry.growth : entry.value;
    return value !== null && value > 0 && Number.isFinite(value) ? [[depth, value]] : [];
  });
  return { formula: first.formula, isFitted, points };
}

/** Points of a row's number against depth, in rising depth. */
export function againstDepth(
  rows: readonly (AnalysisRow | null)[],
  value: (row: AnalysisRow) => number | null,
): [depth: number, value: number | null][] {
  return rows.flatMap((row): [number, number | null][] => (row === null ? [] : [[row.depth, value(row)]]));
}
