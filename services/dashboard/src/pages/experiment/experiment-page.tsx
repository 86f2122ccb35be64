/** One experiment as it happens: its tiles, its pace, its workers, its errors, its log. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api } from '../../live/api.js';
import { useActions } from '../../live/use-actions.js';
import { useCluster } from '../../live/use-cluster.js';
import { useExperiment } from '../../live/use-experiment.js';
import { isMoving } from '../../live/use-experiments.js';
import { usePace } from '../../live/use-pace.js';
import { maySubmit, useSession } from '../../session/use-session.js';
import { Confirm } from '../../ui/confirm.js';
import { Failure, Loading } from '../../ui/notice.js';
import { StateMark } from '../../ui/state-mark.js';
import { hasEnded } from '../experiments/experiments-page.js';
import { FailuresPanel } from './failures-panel.js';
import { LogPanel } from './log-panel.js';
import { NoExperiment } from './no-experiment.js';
import { ThroughputPanel } from './throughput-panel.js';
import { TileMap } from './tile-map/tile-map.js';
import { WorkersPanel } from './workers-panel.js';

export default function ExperimentPage({ id }: { id: string }) {
  const { experiment, error, lost } = useExperiment(id);
  const moves = experiment !== undefined && isMoving(experiment);
  const history = useQuery({
    // Read once more when it has ended, and when it has ended again.
    queryKey: ['history', id, experiment?.state, experiment?.finishedAt],
    queryFn: () => api.getHistory(id),
    refetchInterval: moves ? 1500 : false,
    placeholderData: (last) => last,
  });
  const { data: cluster } = useCluster(moves);
  const { data: session } = useSession();
  const actions = useActions();
  const paceOf = usePace();
  const [isAsking, setIsAsking] = useState(false);
  const [, go] = useLocation();

  if (experiment === undefined)
    return error ? <NoExperiment error={error} /> : <Loading what="Reading the experiment" />;
  const { name, state } = experiment;
  const isAllowed = maySubmit(session);
  const act = (verb: 'cancel' | 'retry') => actions.mutate({ verb, ids: [id] });
  return (
    <>
      <div className="page-head">
        <h1>{name}</h1>
        <div className="row">
          <StateMark state={state} />
          <Link
            className={state === 'completed' ? 'button primary' : 'button'}
            href={`/experiments/${id}/results`}
          >
            Results
          </Link>
          {isAllowed && (
            <Link className="button" href={`/new?clone=${id}`}>
              Clone
            </Link>
          )}
          {isAllowed && (state === 'queued' || state === 'running') && (
            <button type="button" disabled={actions.isPending} onClick={() => act('cancel')}>
              Cancel
            </button>
          )}
          {isAllowed && (state === 'failed' || state === 'cancelled') && (
            <button type="button" disabled={actions.isPending} onClick={() => act('retry')}>
              Retry
            </button>
          )}
          {isAllowed && hasEnded(experiment) && (
            <button type="button" className="danger" onClick={() => setIsAsking(true)}>
              Delete
            </button>
          )}
        </div>
      </div>
      {lost !== null && (
        <p className="lost" role="status">
          The server does not answer ({lost}). What is shown is what it said last; this page goes on by itself
          when it answers again.
        </p>
      )}
      {actions.error && <Failure error={actions.error} />}
      {experiment.error && <Failure error={new Error(experiment.error.message)} />}
      <div className="experiment-page">
        <TileMap experiment={experiment} />
        <div className="side">
          <ThroughputPanel
            experiment={experiment}
            pace={paceOf(experiment)}
            samples={history.data?.samples ?? []}
          />
          <FailuresPanel
            failures={history.data?.failures ?? []}
            moves={moves}
            mayRetry={isAllowed && (state === 'failed' || state === 'cancelled')}
            isBusy={actions.isPending}
            onRetry={() => act('retry')}
          />
          {moves && <WorkersPanel cluster={cluster} />}
          <LogPanel log={history.data?.log ?? []} />
        </div>
      </div>
      <details className="panel">
        <summary>Spec</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow */}
        <pre className="scroll-x" tabIndex={0}>
          {JSON.stringify(experiment.spec, null, 2)}
        </pre>
      </details>
      {isAsking && (
        <Confirm
          title="Delete this experiment?"
          verb="Delete"
          onConfirm={() => actions.mutate({ verb: 'delete', ids: [id] }, { onSuccess: () => go('/') })}
          onClose={() => setIsAsking(false)}
        >
          <p>{name}: its arrays and results are deleted with it; this cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
