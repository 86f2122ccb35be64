import type { Experiment, ExperimentHistory } from '@tessera/spec';
import { useEffect, useRef, useState } from 'react';
import type { Pace } from '../../live/use-pace.js';
import { countOf, durationText, numberText, rateText } from '../../ui/format.js';
import { ProgressBar } from '../../ui/progress-bar.js';

const waves = [
  ['tiles', 'tile', 'Tiles'],
  ['analyses', 'analysis', 'Analyses'],
  ['strips', 'strip', 'Strips'],
  ['trainings', 'network', 'Networks'],
] as const;

/** How far it is, how fast it goes, and how both have changed. */
export function ThroughputPanel(props: {
  experiment: Experiment;
  pace: Pace | null;
  samples: ExperimentHistory['samples'];
}) {
  const { experiment, pace, samples } = props;
  const { progress, state } = experiment;
  const left = useLeftHistory(experiment);
  return (
    <section className="panel">
      <h2>Progress</h2>
      {state === 'running' && (
        <p className="headline">
          {progress.secondsLeft === null
            ? 'Time left not known yet'
            : `${durationText(progress.secondsLeft)} left`}
          {pace && pace.tiles > 0 && ` at ${rateText(pace.tiles)}`}
        </p>
      )}
      <ul className="waves">
        {waves.map(([key, , name]) => {
          const work = progress[key];
          if (!work || work.total === 0) return null;
          return (
            <li key={key}>
              <span>{name}</span>
              <ProgressBar work={work} label={name} />
              <span className="number">
                {work.done.toLocaleString('en')} of {work.total.toLocaleString('en')}
                {work.failed > 0 && <span className="error-text">, {work.failed} failed</span>}
              </span>
            </li>
          );
        })}
      </ul>
      <Chart
        title="Tiles, analyses, strips and networks a second"
        points={ratesOf(samples)}
        unit={(value) => `${numberText(value)} /s`}
      />
      {left.length > 2 && <Chart title="Time left" points={left} unit={durationText} />}
      {experiment.finishedAt && experiment.startedAt && (
        <p className="muted">
          Took {durationText((Date.parse(experiment.finishedAt) - Date.parse(experiment.startedAt)) / 1000)}{' '}
          for {countOf(progress.tiles.total, 'tile')}.
        </p>
      )}
    </section>
  );
}

interface Point {
  at: number;
  value: number;
}

const unitsOf = (sample: ExperimentHistory['samples'][number]) =>
  waves.reduce((sum, [key]) => sum + sample[key], 0);

function ratesOf(samples: ExperimentHistory['samples']): Point[] {
  const points: Point[] = [];
  for (let i = 1; i < samples.length; i++) {
    const now = samples[i] as (typeof samples)[number];
    const before = samples[i - 1] as (typeof samples)[number];
    const seconds = (Date.parse(now.at) - Date.parse(before.at)) / 1000;
    // A pause (cancelled, then tried again) is no slowness.
    if (seconds <= 0 || seconds > 600) continue;
    const units = unitsOf(now) - unitsOf(before);
    points.push({ at: Date.parse(now.at), value: Math.max(0, units / seconds) });
  }
  return points;
}

/** What the estimate has said since this page watches. */
function useLeftHistory({ progress, state }: Experiment): Point[] {
  const points = useRef<Point[]>([]);
  const [, redraw] = useState(0);
  const { secondsLeft } = progress;
  useEffect(() => {
    if (state !== 'running' || secondsLeft === null) return;
    const last = points.current.at(-1);
    if (last && Date.now() - last.at < 1000) return;
    points.current = [...points.current.slice(-600), { at: Date.now(), value: secondsLeft }];
    redraw((n) => n + 1);
  }, [secondsLeft, state]);
  return points.current;
}

/** A line over time, with its least and greatest and its end said in words. */
function Chart({
  title,
  points,
  unit,
}: {
  title: string;
  points: readonly Point[];
  unit: (value: number) => string;
}) {
  if (points.length < 2) return null;
  const width = 300;
  const height = 56;
  const from = (points[0] as Point).at;
  const to = (points.at(-1) as Point).at;
  const most = Math.max(...points.map(({ value }) => value));
  const x = (at: number) => ((at - from) / Math.max(1, to - from)) * width;
  const y = (value: number) => height - 2 - (value / (most || 1)) * (height - 6);
  const line = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const last = points.at(-1) as Point;
  return (
    <figure className="chart">
      <figcaption>
        {title} <span className="muted">over {durationText((to - from) / 1000)}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: now ${unit(last.value)}, at most ${unit(most)}`}
      >
        <polygon points={`0,${height} ${line} ${width},${height}`} className="chart-area" />
        <polyline points={line} className="chart-line" vectorEffect="non-scaling-stroke" />
      </svg>
      <div className="row spread muted small">
        <span>at most {unit(most)}</span>
        <span>last {unit(last.value)}</span>
      </div>
    </figure>
  );
}
