/** Result rows as a grid: one kernel and one bias variance, numbers over (depth, weightVariance). */
import { type AnalysisRow, type ExperimentSpec, expandAxis, type KernelName } from '@tessera/spec';

export interface GridChoice {
  kernel?: KernelName | undefined;
  biasVariance?: number | undefined;
}

export interface ResultGrid {
  kernel: KernelName;
  biasVariance: number;
  /** Of the spec, rising, whether their rows are there or not. */
  weightVariances: number[];
  depths: number[];
  /** The row at a place, null where it is not there (yet). */
  at(weightVariance: number, depth: number): AnalysisRow | null;
}

const rising = (values: readonly number[]) => [...values].sort((a, b) => a - b);

/** Chooses the kernel (`ntk` where the spec has it) and the first bias variance where none is named. */
export function resultGrid(
  spec: ExperimentSpec,
  rows: readonly AnalysisRow[],
  choice: GridChoice,
): ResultGrid {
  const kernel = choice.kernel ?? (spec.kernels.includes('ntk') ? 'ntk' : 'nngp');
  const biasVariance = choice.biasVariance ?? (expandAxis(spec.grid.biasVariance)[0] as number);
  const known = new Map<string, AnalysisRow>();
  for (const row of rows) {
    if (row.kernel === kernel && row.biasVariance === biasVariance)
      known.set(`${row.weightVariance} ${row.depth}`, row);
  }
  return {
    kernel,
    biasVariance,
    weightVariances: rising(expandAxis(spec.grid.weightVariance)),
    depths: rising(expandAxis(spec.grid.depth)),
    at: (weightVariance, depth) => known.get(`${weightVariance} ${depth}`) ?? null,
  };
}

/** A number of each row over the grid: values[depth][weightVariance]. */
export function gridValues(
  { weightVariances, depths, at }: ResultGrid,
  value: (row: AnalysisRow) => number | null,
): (number | null)[][] {
  return depths.map((depth) =>
    weightVariances.map((weight) => {
      const row = at(weight, depth);
      const found = row === null ? null : value(row);
      return found !== null && Number.isFinite(found) ? found : null;
    }),
  );
}
