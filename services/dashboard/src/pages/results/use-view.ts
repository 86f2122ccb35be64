/** What a result page shows, kept in its address: a link shows the same picture. */
import { defaultScore, type FigureExperiment, type ScoreAt, scoresOf } from '@tessera/figures';
import { expandAxis, type KernelName } from '@tessera/spec';
import { criticalWeightVariance } from '@tessera/theory';
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';

export interface ResultView {
  kernel: KernelName;
  biasVariance: number;
  weightVariance: number;
  depth: number;
  quantity: 'accuracy' | 'loss';
  at: ScoreAt | null;
}

export interface ViewAxes {
  kernels: readonly KernelName[];
  weightVariances: readonly number[];
  biasVariances: readonly number[];
  depths: readonly number[];
  scores: readonly ScoreAt[];
}

export const scoreKey = (at: ScoreAt | null): string =>
  at === null ? '' : 'time' in at ? `t${at.time}` : `r${at.diagReg}`;

const rising = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const nearest = (values: readonly number[], wanted: number): number =>
  values.reduce((best, value) => (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));
const middle = (values: readonly number[]) => values[Math.floor((values.length - 1) / 2)] as number;

/** The axes of the grid, the view, and a way to change some of it. What the address does not say is chosen. */
export function useResultView(experiment: FigureExperiment) {
  const [parameters, setParameters] = useSearchParams();
  const axes = useMemo((): ViewAxes => {
    const { grid, kernels } = experiment.spec;
    return {
      kernels,
      weightVariances: rising(expandAxis(grid.weightVariance)),
      biasVariances: rising(expandAxis(grid.biasVariance)),
      depths: rising(expandAxis(grid.depth)),
      scores: scoresOf(experiment),
    };
  }, [experiment]);
  const text = parameters.toString();
  const view = useMemo((): ResultView => {
    const given = new URLSearchParams(text);
    const number = (name: string, values: readonly number[], fallback: number) =>
      given.has(name) ? nearest(values, Number(given.get(name)) || 0) : fallback;
    const { kernels, weightVariances, biasVariances, depths, scores } = axes;
    const biasVariance = number('sb2', biasVariances, biasVariances[0] as number);
    const critical = criticalWeightVariance(experiment.spec.architecture.activation, biasVariance);
    const weight = critical === null ? middle(weightVariances) : nearest(weightVariances, critical);
    return {
      kernel:
        kernels.find((kernel) => kernel === given.get('kernel')) ??
        (kernels.includes('ntk') ? 'ntk' : 'nngp'),
      biasVariance,
      weightVariance: number('sw2', weightVariances, weight),
      depth: number('depth', depths, middle(depths)),
      quantity: given.get('show') === 'loss' ? 'loss' : 'accuracy',
      at: scores.find((at) => scoreKey(at) === given.get('at')) ?? defaultScore(experiment),
    };
  }, [axes, experiment, text]);
  const change = (changes: Partial<ResultView>) =>
    setParameters(
      (known) => {
        const next = new URLSearchParams(known);
        const { kernel, biasVariance, weightVariance, depth, quantity, at } = changes;
        if (kernel !== undefined) next.set('kernel', kernel);
        if (biasVariance !== undefined) next.set('sb2', String(biasVariance));
        if (weightVariance !== undefined) next.set('sw2', String(weightVariance));
        if (depth !== undefined) next.set('depth', String(depth));
        if (quantity !== undefined) next.set('show', quantity);
        if (at !== undefined) next.set('at', scoreKey(at));
        return next;
      },
      { replace: true },
    );
  /** Moves the point by whole grid steps. */
  const step = (right: number, up: number) => {
    const move = (values: readonly number[], value: number, by: number) =>
      values[Math.min(values.length - 1, Math.max(0, values.indexOf(value) + by))] as number;
    change({
      weightVariance: move(axes.weightVariances, view.weightVariance, right),
      depth: move(axes.depths, view.depth, up),
    });
  };
  return { axes, view, change, step };
}
