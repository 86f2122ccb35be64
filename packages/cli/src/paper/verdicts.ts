/** What the measured numbers of sections 4 and 6 say about the paper's sentences. Pure: the text follows the numbers. */
import type { AnalysisRow } from '@tessera/spec';
import { numberText } from '../format.js';

export type Verdict = 'agrees' | 'near' | 'differs';

/** Multiples of a depth scale, each with the accuracies found there. */
export interface ScaleBin {
  label: string;
  /** Multiples from, to; the last is open. */
  from: number;
  to: number;
  accuracies: number[];
}

/** Accuracy against depth in units of the phase's depth scale: training accuracy and xi_1, or test accuracy and xi_*. */
export function binByScale(rows: readonly AnalysisRow[], phase: 'ordered' | 'chaotic'): ScaleBin[] {
  const bins: ScaleBin[] = [
    { label: '0 to 4', from: 0, to: 4, accuracies: [] },
    { label: '4 to 8', from: 4, to: 8, accuracies: [] },
    { label: '8 to 16', from: 8, to: 16, accuracies: [] },
    { label: 'above 16', from: 16, to: Number.POSITIVE_INFINITY, accuracies: [] },
  ];
  for (const row of rows) {
    if (row.phase !== phase || row.depth < 2) continue;
    const scale = phase === 'ordered' ? row.xi1 : row.xiStar;
    const score = row.dynamics.at(-1);
    const accuracy = phase === 'ordered' ? score?.trainAccuracy : score?.testAccuracy;
    if (scale === null || accuracy == null) continue;
    const multiple = row.depth / scale;
    bins.find(({ from, to }) => multiple >= from && multiple < to)?.accuracies.push(accuracy);
  }
  return bins;
}

export const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The multiple of the depth scale at which accuracy has fallen half way from its shallow value to chance, between the
 * bins' middles on a logarithmic axis; null where it has not within the depths there are.
 */
export function halfwayMultiple(bins: readonly ScaleBin[], chance: number): number | null {
  const points = bins.flatMap(({ from, to, accuracies }) => {
    const mean = meanOf(accuracies);
    const middle = Number.isFinite(to) ? Math.sqrt(Math.max(from, to / 4) * to) : from * Math.SQRT2;
    return mean === null ? [] : [{ middle, mean }];
  });
  const first = points[0];
  if (first === undefined) return null;
  const half = (first.mean + chance) / 2;
  for (let i = 1; i < points.length; i++) {
    const [above, below] = [points[i - 1], points[i]] as [(typeof points)[0], (typeof points)[0]];
    if (below.mean > half) continue;
    const share = (above.mean - half) / (above.mean - below.mean);
    return above.middle * (below.middle / above.middle) ** share;
  }
  return null;
}

/** "About 8": within a factor of 2 it agrees, of 4 it is near. */
const boundary = 8;
export function boundaryVerdict(multiple: number | null): Verdict {
  if (multiple === null) return 'differs';
  const factor = Math.max(multiple / boundary, boundary / multiple);
  return factor <= 2 ? 'agrees' : factor <= 4 ? 'near' : 'differs';
}

/** The sentence on one family's map. */
export function boundaryText(rows: readonly AnalysisRow[], chance: number): string {
  const parts = (
    [
      ['ordered', 'training accuracy', 'ξ₁'],
      ['chaotic', 'test accuracy', 'ξ_*'],
    ] as const
  ).map(([phase, what, scale]) => {
    const multiple = halfwayMultiple(binByScale(rows, phase), chance);
    const where =
      multiple === null
        ? 'does not fall half way to chance within these depths'
        : `has fallen half way to chance at ${numberText(multiple, 2)} ${scale}`;
    return `${phase}, ${what} ${where} (${boundaryVerdict(multiple)})`;
  });
  return `Verdict, the boundary being "about 8": ${parts.join('; ')}.`;
}

/** How much nearer to FCN one family lies than another, by each measure of distance. */
export interface FamilyDistances {
  kappa: number;
  meanPredictor: number;
  testLoss: number;
}

/** "Almost identically ... markedly differently": by every measure without pooling is nearer, at least twice for all of them. */
export function familiesText(
  flattened: FamilyDistances | undefined,
  pooled: FamilyDistances | undefined,
): string {
  if (flattened === undefined || pooled === undefined)
    return 'Verdict: none; it takes CNN-F and CNN-P beside FCN.';
  const times = (['kappa', 'meanPredictor', 'testLoss'] as const).map((key) => pooled[key] / flattened[key]);
  const [least, most] = [Math.min(...times), Math.max(...times)];
  const verdict: Verdict = least >= 2 ? 'agrees' : least > 1 ? 'near' : 'differs';
  return (
    `Verdict: ${verdict}. CNN-P lies ${numberText(least, 2)} to ${numberText(most, 2)} times as far from FCN as CNN-F does, ` +
    'by these three measures.'
  );
}

/** Whether what is far below float64's floor has been resolved. */
export function precisionText(
  rows: readonly Pick<AnalysisRow, 'status' | 'lambdaMax' | 'lambdaBulk'>[],
): string {
  const good = rows.filter(({ status, lambdaBulk }) => status === 'ok' && lambdaBulk !== null);
  const least = Math.min(
    ...good.map(({ lambdaBulk, lambdaMax }) => (lambdaBulk as number) / (lambdaMax as number)),
  );
  const how = good.length === rows.length && rows.length > 0 ? 'all' : good.length;
  return good.length === 0
    ? 'Verdict: none of these spectra is resolved.'
    : `Verdict: of ${rows.length} spectra ${how} are resolved, down to λ_bulk = ${numberText(least)} λ_max.`;
}

export interface CountedRows {
  count: number;
  rows: readonly Pick<AnalysisRow, 'depth' | 'weightVariance' | 'regression'>[];
}

/**
 * Where over the weight variances test accuracy is greatest at the deepest common depth, for each number of images, what
 * it gains, and what is left on the chaotic side. Runs of fewer grid points than the first are named and left out.
 */
export function imagesText(runs: readonly CountedRows[], chance: number): string {
  const axis = (run: CountedRows | undefined, key: 'depth' | 'weightVariance') =>
    [...new Set(run?.rows.map((row) => row[key]))].sort((a, b) => a - b);
  const weights = axis(runs[0], 'weightVariance');
  const whole = runs.filter((run) => axis(run, 'weightVariance').length === weights.length);
  const depths = axis(runs[0], 'depth').filter((depth) =>
    whole.every((run) => axis(run, 'depth').includes(depth)),
  );
  const depth = depths.at(-1);
  if (depth === undefined || whole.length < 2)
    return 'Verdict: none; it takes two numbers of images on one grid.';
  const scores = whole.map(({ rows }) =>
    weights.map((weight) => {
      const row = rows.find((one) => one.depth === depth && one.weightVariance === weight);
      return row?.regression[0]?.testAccuracy ?? Number.NaN;
    }),
  );
  const best = scores.map((own) => own.indexOf(Math.max(...own)));
  const moves = Math.max(...best) - Math.min(...best);
  const verdict =
    moves === 0
      ? 'does not move with N'
      : moves === 1
        ? 'moves by one step of the grid with N'
        : 'moves with N';
  const list = (values: readonly (number | undefined)[], digits = 3) =>
    values.map((value) => numberText(value ?? null, digits)).join(', ');
  const counts = list(
    whole.map(({ count }) => count),
    4,
  );
  const last = weights.length - 1;
  const partial = runs.filter((run) => !whole.includes(run)).map(({ count }) => numberText(count, 4));
  return (
    `Verdict: the best weight variance ${verdict}: at depth ${depth} it is ${list(best.map((at) => weights[at]))} for N = ${counts}, ` +
    `with test accuracy ${list(scores.map((own, i) => own[best[i] as number]))}; at σ_w² = ${numberText(weights[last] as number)} ` +
    `accuracy is ${list(scores.map((own) => own[last]))}, chance ${numberText(chance)}.` +
    (partial.length === 0 ? '' : ` N = ${partial.join(', ')} was run on a part of the grid.`)
  );
}
