/**
 * Measured spectra against each row of Table 1 of Xiao, Pennington, Schoenholz (ICML 2020). What the table gives as a value
 * is compared as a value (or, where it grows with depth, as the slope of the measured over the predicted); what it gives
 * as an order, as the slope of log(measured) over log(order).
 */
import type { FigureExperiment } from '@tessera/figures';
import type { AnalysisRow, KernelName } from '@tessera/spec';
import { type Asymptotic, type Asymptotics, asymptotics, meanField } from '@tessera/theory';
import { slopeOf } from './fit.js';

export interface Comparison {
  phase: string;
  kernel: KernelName;
  quantity: string;
  formula: string;
  how: 'value' | 'slope' | 'rate' | 'constant';
  /** Measured over theory: 1 where they agree; of a constant, its largest over its smallest value. */
  ratio: number;
  /** Depths used. */
  from: number;
  to: number;
  points: number;
}

const quantities = {
  lambdaMax: ['λ_max', (row: AnalysisRow) => row.lambdaMax],
  lambdaBulk: ['λ_bulk', (row: AnalysisRow) => row.lambdaBulk],
  kappa: ['κ', (row: AnalysisRow) => row.kappa],
  meanPredictor: ['Δ', (row: AnalysisRow) => row.meanPredictorNorm],
} as const;
type Quantity = keyof typeof quantities;

/**
 * Depths at which each phase is asymptotic and nothing compared has reached a floor of float64. Chaotic: the spectrum once
 * chi_1^l is above m Theta_ab; Delta before (chi_c* / chi_1)^l falls to 1e-13. With pooling chi_1^l/d must be above m Theta_ab,
 * and (1 - c*)/d above what different pixels still differ by: later.
 */
function rangeOf(family: string, phase: string, quantity: Quantity): readonly [number, number] {
  if (phase === 'ordered') return [100, 300];
  if (phase === 'critical') return [200, 1000];
  if (family === 'cnn-gap') return [100, 200];
  return quantity === 'meanPredictor' ? [60, 100] : [80, 160];
}

/** Every entry of the table that the rows can be compared with, in the table's order. */
export function compareTableOne(
  experiment: FigureExperiment,
  rows: readonly AnalysisRow[],
  wanted: readonly Quantity[],
): Comparison[] {
  const { spec } = experiment;
  const found: Comparison[] = [];
  for (const weightVariance of new Set(rows.map((row) => row.weightVariance))) {
    const biasVariance = rows[0]?.biasVariance as number;
    const point = meanField(spec.architecture.activation, weightVariance, biasVariance);
    for (const kernel of ['ntk', 'nngp'] as const) {
      const own = rows.filter((row) => row.weightVariance === weightVariance && row.kernel === kernel);
      const deepest = Math.max(...own.map((row) => row.depth));
      const theory = (depth: number) =>
        asymptotics({
          activation: spec.architecture.activation,
          point,
          kernel,
          family: spec.architecture.family,
          padding: spec.architecture.padding,
          trainCount: trainCountOf(experiment),
          pixels: experiment.pixels,
          depth,
          weightVariance,
          biasVariance,
        });
      for (const quantity of wanted) {
        const [symbol, read] = quantities[quantity];
        const all = own.flatMap((row) => {
          const value = read(row);
          return value === null || row.depth < 1 ? [] : [{ depth: row.depth, value }];
        });
        const [low, high] = rangeOf(spec.architecture.family, point.phase, quantity);
        const to = Math.min(high, deepest);
        // Shallow experiments are compared over the second half of what they have.
        const from = to - low < 20 ? Math.floor(to / 2) : low;
        const used = all.filter(({ depth }) => depth >= from && depth <= to);
        if (used.length < 4 || theory(to) === null) continue;
        const entry = (depth: number): Asymptotic => (theory(depth) as Asymptotics)[quantity];
        const isGap = point.phase === 'chaotic' && kernel === 'ntk' && quantity === 'kappa';
        const compared = isGap ? gapOf(used, point.chi1 as number) : compare(used, entry);
        const formula = entry(to).formula;
        const depths = used.map(({ depth }) => depth);
        found.push({
          phase: point.phase,
          kernel,
          quantity: isGap ? 'κ - 1' : symbol,
          formula,
          ...compared,
          from: compared.how === 'value' ? (depths.at(-1) as number) : (depths[0] as number),
          to: depths.at(-1) as number,
          points: compared.how === 'value' ? 1 : used.length,
        });
      }
    }
  }
  return found;
}

type Measured = readonly { depth: number; value: number }[];

function compare(used: Measured, entry: (depth: number) => Asymptotic): Pick<Comparison, 'how' | 'ratio'> {
  const first = entry((used[0] as { depth: number }).depth);
  const deepest = used.at(-1) as { depth: number; value: number };
  const last = entry(deepest.depth);
  if (last.value !== null && first.value !== null) {
    if (Math.abs(last.value / first.value - 1) < 0.01)
      return { how: 'value', ratio: deepest.value / last.value };
    const pairs = used.map(({ depth, value }) => [entry(depth).value as number, value] as const);
    return { how: 'slope', ratio: slopeOf(pairs) };
  }
  if (Math.abs(last.growth / first.growth - 1) < 1e-9) {
    const values = used.map(({ value }) => value);
    return { how: 'constant', ratio: Math.max(...values) / Math.min(...values) };
  }
  const pairs = used.map(({ depth, value }) => [Math.log(entry(depth).growth), Math.log(value)] as const);
  return { how: 'rate', ratio: slopeOf(pairs) };
}

/** kappa - 1 = O(d m chi_1^-l). */
function gapOf(used: Measured, chi1: number): Pick<Comparison, 'how' | 'ratio'> {
  const pairs = used.map(({ depth, value }) => [-depth * Math.log(chi1), Math.log(value - 1)] as const);
  return { how: 'rate', ratio: slopeOf(pairs) };
}

function trainCountOf({ spec }: FigureExperiment): number {
  const { train } = spec.dataset;
  if (typeof train === 'number') return train;
  return 'count' in train ? train.count : train.indices.length;
}
