/** The results of an experiment: the map first, and what answers a click on it. */
import { cellAt, type Figure } from '@tessera/figures';
import type { TrainingRow } from '@tessera/spec';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { type FigurePoint, FigureView, type Marker } from '../../figure/figure-view.js';
import { numberText, percentText } from '../../figure/number-text.js';
import { type Results, useFigureExperiment, useRows, useTrainings } from '../../figure/use-results.js';
import { useExperiment } from '../../live/use-experiment.js';
import { isMoving } from '../../live/use-experiments.js';
import { Failure, Loading } from '../../ui/notice.js';
import { NoExperiment } from '../experiment/no-experiment.js';
import { Cite } from './cite.js';
import { MatrixView } from './matrix-view.js';
import { PointPanel } from './point-panel.js';
import { type ResultView, useResultView } from './use-view.js';
import { ViewChoices } from './view-choices.js';

export default function ResultsPage({ id }: { id: string }) {
  const { experiment, error, lost } = useExperiment(id);
  const rows = useRows(experiment);
  const trainings = useTrainings(experiment);
  const described = useFigureExperiment(experiment);
  if (experiment === undefined || described === null)
    return error ? <NoExperiment error={error} /> : <Loading />;
  const { tiles } = experiment.progress;
  return (
    <>
      <div className="page-head">
        <h1>{experiment.name}</h1>
        <div className="row">
          <span className="muted">
            {experiment.state}
            {isMoving(experiment) &&
              `, ${tiles.done.toLocaleString('en-US')} of ${tiles.total.toLocaleString('en-US')} tiles`}
          </span>
          <Link className="button" href={`/experiments/${id}`}>
            The work
          </Link>
          <Link className="button" href={`/compare?ids=${id}`}>
            Compare
          </Link>
        </div>
      </div>
      {lost !== null && <p role="status">The server does not answer; what is shown may be old. {lost}</p>}
      {described.isSynthetic && (
        <p>These are results on synthetic images: they say nothing about real ones.</p>
      )}
      {rows.error && <Failure error={rows.error} onRetry={() => void rows.refetch()} />}
      {rows.data === undefined ? (
        !rows.error && <Loading what="Reading the results" />
      ) : (
        <Answers experiment={described} rows={rows.data} trainings={trainings.data ?? []} />
      )}
      <Cite experiment={experiment} />
    </>
  );
}

function Answers(results: Results & { trainings: readonly TrainingRow[] }) {
  const { experiment, rows, trainings } = results;
  const { axes, view, change, step } = useResultView(experiment);
  const [hover, setHover] = useState<FigurePoint | null>(null);
  const { kernel, biasVariance, quantity } = view;
  const at = view.at ?? undefined;
  const map = useMemo(
    () => ({ experiment, rows, kernel, biasVariance, quantity, at }),
    [experiment, rows, kernel, biasVariance, quantity, at],
  );
  const depthData = useMemo(
    () => ({ experiment, rows, kernel, biasVariance }),
    [experiment, rows, kernel, biasVariance],
  );
  const networks = useMemo(
    () => ({
      experiment,
      rows,
      trainings,
      biasVariance,
      quantity,
      // Networks have no ridge.
      at: at !== undefined && 'time' in at ? at : undefined,
    }),
    [experiment, rows, trainings, biasVariance, quantity, at],
  );
  const phase = useMemo(() => {
    const { weightVariances: weights, biasVariances: biases } = axes;
    const points = weights.flatMap((weightVariance) =>
      biases.map((bias) => ({ weightVariance, biasVariance: bias })),
    );
    const most = biases.at(-1) as number;
    return {
      activation: experiment.spec.architecture.activation,
      weightRange: [0, Math.max(3, (weights.at(-1) as number) * 1.05)] as const,
      biasRange: [0, Math.max(0.25, 1.25 * most)] as const,
      points,
    };
  }, [axes, experiment]);
  const pickCell = ({ x, y }: FigurePoint) =>
    change({ weightVariance: closest(axes.weightVariances, x), depth: y });
  const pickPhase = ({ x, y }: FigurePoint) =>
    change({
      weightVariance: closest(axes.weightVariances, x),
      biasVariance: closest(axes.biasVariances, y),
    });
  const cell = (figure: Figure) => cellMarkers(figure, view);
  const hasScores = view.at !== null;
  return (
    <>
      <ViewChoices axes={axes} view={view} change={change} />
      <div className="results">
        <div className="stack">
          {hasScores && (
            <section className="panel">
              <FigureView
                name="accuracy-map"
                data={map}
                title={quantity === 'accuracy' ? 'Accuracy' : 'Loss'}
                onPick={pickCell}
                onHover={setHover}
                onStep={step}
                markers={cell}
              />
              <p className="hover-line">
                {hover === null ? 'Click, or use arrow keys, to choose a point.' : hoverText(hover, quantity)}
              </p>
            </section>
          )}
          <section className="panel">
            <FigureView
              name="phase-diagram"
              data={phase}
              title="Phase diagram"
              onPick={pickPhase}
              markers={({ plot }) =>
                plot.panels.slice(0, 1).map((panel) => ({
                  kind: 'ring',
                  x: panel.x.position(view.weightVariance),
                  y: panel.y.position(view.biasVariance),
                }))
              }
            />
          </section>
        </div>
        <PointPanel results={results} view={view} />
        {trainings.length > 0 && (
          <section className="panel wide">
            <FigureView name="networks" data={networks} title="Networks of finite width" />
          </section>
        )}
        <section className="panel wide">
          <FigureView name="spectrum-depth" data={depthData} title="Spectrum against depth" />
        </section>
        <div className="pair wide">
          <section className="panel">
            <FigureView
              name="kappa-map"
              data={depthData}
              title="Condition κ"
              onPick={pickCell}
              onStep={step}
              markers={cell}
            />
          </section>
          <section className="panel">
            <FigureView name="mean-predictor" data={depthData} title="Mean predictor" />
          </section>
        </div>
        <section className="panel wide">
          <MatrixView experiment={experiment} view={view} />
        </section>
      </div>
    </>
  );
}

const closest = (values: readonly number[], wanted: number) =>
  values.reduce((best, value) => (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));

/** The chosen cell in every panel of a map. */
function cellMarkers({ plot }: Figure, { weightVariance, depth }: ResultView): Marker[] {
  return plot.panels.flatMap(({ x, y }): Marker[] => {
    const column = x.values?.indexOf(weightVariance) ?? -1;
    const row = y.values?.indexOf(depth) ?? -1;
    if (column < 0 || row < 0) return [];
    const [left, right] = [x.edges?.[column], x.edges?.[column + 1]] as [number, number];
    const [one, two] = [y.edges?.[row], y.edges?.[row + 1]] as [number, number];
    return [
      { kind: 'cell', x: left, y: Math.min(one, two), width: right - left, height: Math.abs(two - one) },
    ];
  });
}

function hoverText({ panel, x, y }: FigurePoint, quantity: 'accuracy' | 'loss'): string {
  const column = cellAt(panel.x, panel.x.position(x));
  const row = panel.y.values?.indexOf(y) ?? -1;
  const weight = panel.x.values?.[column];
  if (weight === undefined) return '';
  const value = panel.values?.[row]?.[column] ?? null;
  const split = panel.name === 'train' ? 'training' : 'test';
  const shown =
    value === null ? 'no number' : quantity === 'accuracy' ? percentText(value) : numberText(value);
  return `σw² = ${numberText(weight, 5)}, depth ${y}: ${split} ${quantity} ${shown}`;
}
