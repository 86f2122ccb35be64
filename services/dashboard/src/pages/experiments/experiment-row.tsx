import type { Experiment } from '@tessera/spec';
import { Link } from 'wouter';
import type { Verb } from '../../live/use-actions.js';
import type { Pace } from '../../live/use-pace.js';
import { countOf, durationText, rateText, timeText } from '../../ui/format.js';
import { ProgressBar, wholeOf } from '../../ui/progress-bar.js';
import { StateMark } from '../../ui/state-mark.js';

export function ExperimentRow(props: {
  experiment: Experiment;
  pace: Pace | null;
  isChosen: boolean;
  isAllowed: boolean;
  isBusy: boolean;
  onChoose: () => void;
  onAct: (verb: Verb) => void;
  /** Whether the list is of more than one project. */
  hasProjects: boolean;
}) {
  const { experiment, hasProjects, pace, isChosen, isAllowed, isBusy, onChoose, onAct } = props;
  const { id, name, state, spec } = experiment;
  const isRunning = state === 'running' || state === 'cancelling';
  return (
    <li className="experiment" aria-label={name}>
      <input type="checkbox" aria-label={`Choose ${name}`} checked={isChosen} onChange={onChoose} />
      <div className="experiment-name">
        <Link href={`/experiments/${id}${state === 'completed' ? '/results' : ''}`}>{name}</Link>
        <span className="muted">
          {spec.dataset.id}, {spec.architecture.family}, {spec.architecture.activation.name},{' '}
          {spec.kernels.join(' and ')}
        </span>
      </div>
      <StateMark state={state} />
      <div className="experiment-progress">
        {isRunning && <ProgressBar work={wholeOf(experiment.progress)} label={`Progress of ${name}`} />}
        <span>{progressText(experiment, pace)}</span>
      </div>
      <div className="experiment-when muted">
        <span>{startText(experiment)}</span>
        {ownerText(experiment, hasProjects) !== '' && <span>{ownerText(experiment, hasProjects)}</span>}
      </div>
      <div className="row end">
        <Link className="button quiet" href={`/experiments/${id}`} aria-label={`Watch ${name}`}>
          Watch
        </Link>
        {isAllowed && (
          <>
            <Link className="button quiet" href={`/new?clone=${id}`} aria-label={`Clone ${name}`}>
              Clone
            </Link>
            {(state === 'queued' || state === 'running') && (
              <Action label={`Cancel ${name}`} verb="cancel" isBusy={isBusy} onAct={onAct} />
            )}
            {(state === 'failed' || state === 'cancelled') && (
              <Action label={`Retry ${name}`} verb="retry" isBusy={isBusy} onAct={onAct} />
            )}
            {(state === 'completed' || state === 'failed' || state === 'cancelled') && (
              <Action label={`Delete ${name}`} verb="delete" isBusy={isBusy} onAct={onAct} />
            )}
          </>
        )}
      </div>
    </li>
  );
}

function Action(props: { label: string; verb: Verb; isBusy: boolean; onAct: (verb: Verb) => void }) {
  const { label, verb, isBusy, onAct } = props;
  return (
    <button type="button" className="quiet" aria-label={label} disabled={isBusy} onClick={() => onAct(verb)}>
      {verb[0]?.toUpperCase()}
      {verb.slice(1)}
    </button>
  );
}

/** Who made it, by the key's name, and of which project it is where there are several. */
function ownerText({ createdBy, project }: Experiment, hasProjects: boolean): string {
  const parts = [createdBy && `by ${createdBy}`, hasProjects && `in ${project}`];
  return parts.filter(Boolean).join(' ');
}

/** What is done, or how long it will take: never a bare percentage. */
export function progressText({ state, progress, error }: Experiment, pace: Pace | null): string {
  const { tiles, secondsLeft } = progress;
  if (state === 'running') {
    const parts = [`${tiles.done.toLocaleString('en')} of ${countOf(tiles.total, 'tile')}`];
    if (secondsLeft !== null) parts.push(`${durationText(secondsLeft)} left`);
    if (pace && pace.tiles > 0) parts.push(`at ${rateText(pace.tiles)}`);
    return parts.join(', ').replace(', at', ' at');
  }
  if (state === 'queued') return `${countOf(tiles.total, 'tile')} to compute`;
  if (state === 'failed') return error?.message ?? 'failed';
  const rows = progress.analyses.done;
  return state === 'completed'
    ? `${countOf(rows, 'matrix').replace('matrixs', 'matrices')}`
    : `${tiles.done.toLocaleString('en')} of ${countOf(tiles.total, 'tile')} done`;
}

function startText({ createdAt, startedAt, finishedAt }: Experiment): string {
  if (startedAt && finishedAt) {
    const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
    return `${timeText(startedAt)}, took ${durationText(seconds)}`;
  }
  return startedAt ? `since ${timeText(startedAt)}` : `asked ${timeText(createdAt)}`;
}
