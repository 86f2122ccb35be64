/** Every experiment, live: found, filtered, sorted, chosen to compare, cloned, stopped, tried again, deleted. */
import { type Experiment, type ExperimentState, experimentStates } from '@tessera/spec';
import { useState } from 'react';
import { Link } from 'wouter';
import { useActions, type Verb } from '../../live/use-actions.js';
import { useExperiments } from '../../live/use-experiments.js';
import { usePace } from '../../live/use-pace.js';
import { maySubmit, useSession } from '../../session/use-session.js';
import { Confirm } from '../../ui/confirm.js';
import { countOf } from '../../ui/format.js';
import { Failure, Loading } from '../../ui/notice.js';
import { useUrlList, useUrlParam } from '../../ui/url-state.js';
import { ExperimentRow } from './experiment-row.js';
import { PresetList } from './preset-list.js';

const orders = {
  newest: () => 0,
  name: (a: Experiment, b: Experiment) => a.name.localeCompare(b.name),
  state: (a: Experiment, b: Experiment) =>
    experimentStates.indexOf(a.state) - experimentStates.indexOf(b.state),
  'most work': (a: Experiment, b: Experiment) => b.progress.tiles.total - a.progress.tiles.total,
} as const;
type Order = keyof typeof orders;

/** At most this many are compared over the same axes. */
const mostCompared = 8;
const pageSize = 100;

export function ExperimentsPage() {
  const [limit, setLimit] = useState(pageSize);
  const { data, error, refetch, isPlaceholderData } = useExperiments(limit);
  const [search, setSearch] = useUrlParam('search');
  const [state, setState] = useUrlParam('state');
  const [order, setOrder] = useUrlParam('sort', 'newest');
  const [chosen, setChosen] = useUrlList('chosen');
  const [asked, setAsked] = useState<{ verb: Verb; experiments: Experiment[] } | null>(null);
  const actions = useActions();
  const paceOf = usePace();
  const { data: session } = useSession();
  const isAllowed = maySubmit(session);

  const all = data?.items ?? [];
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all
    .filter((experiment) => state === '' || experiment.state === state)
    .filter((experiment) => words.every((word) => textOf(experiment).includes(word)))
    .toSorted(orders[order as Order] ?? orders.newest);
  const toggle = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  const ask = (verb: Verb, experiments: Experiment[]) => {
    if (verb === 'delete') setAsked({ verb, experiments });
    else actions.mutate({ verb, ids: experiments.map(({ id }) => id) });
  };
  const hasProjects = new Set(all.map(({ project }) => project)).size > 1;
  const chosenOnes = all.filter(({ id }) => chosen.includes(id));

  return (
    <>
      <div className="page-head">
        <h1>Experiments</h1>
        {isAllowed && (
          <Link href="/new" className="button primary">
            New experiment
          </Link>
        )}
      </div>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {actions.error && <Failure error={actions.error} />}
      {data === undefined && !error && <Loading />}
      {data && all.length === 0 && <PresetList isAllowed={isAllowed} />}
      {all.length > 0 && (
        <>
          <search className="row">
            <label className="grow">
              <span className="hidden-label">Search</span>
              <input
                type="search"
                placeholder="Search names, data sets, people"
                value={search}
                onChange={(event) => setSearch(event.target.value)}
              />
            </label>
            <label>
              <span className="hidden-label">State</span>
              <select value={state} onChange={(event) => setState(event.target.value)}>
                <option value="">Every state</option>
                {experimentStates.map((one: ExperimentState) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label>
              <span className="hidden-label">Order</span>
              <select value={order} onChange={(event) => setOrder(event.target.value)}>
                {Object.keys(orders).map((one) => (
                  <option key={one} value={one}>
                    Sort: {one}
                  </option>
                ))}
              </select>
            </label>
          </search>
          {chosen.length > 0 && (
            <div className="row chosen" role="status">
              <span>{chosen.length} chosen</span>
              {chosen.length > 1 && chosen.length <= mostCompared ? (
                <Link className="button" href={`/compare?ids=${chosen.join(',')}`}>
                  Compare
                </Link>
              ) : (
                <span className="muted">Choose 2 to {mostCompared} to compare</span>
              )}
              {isAllowed && chosenOnes.length > 0 && chosenOnes.every(hasEnded) && (
                <button type="button" className="danger" onClick={() => ask('delete', chosenOnes)}>
                  Delete
                </button>
              )}
              <button type="button" className="quiet" onClick={() => setChosen([])}>
                Choose none
              </button>
            </div>
          )}
          <ul className="experiments">
            {found.map((experiment) => (
              <ExperimentRow
                key={experiment.id}
                experiment={experiment}
                hasProjects={hasProjects}
                pace={paceOf(experiment)}
                isChosen={chosen.includes(experiment.id)}
                isAllowed={isAllowed}
                isBusy={actions.isPending}
                onChoose={() => toggle(experiment.id)}
                onAct={(verb) => ask(verb, [experiment])}
              />
            ))}
          </ul>
          {found.length === 0 && <p className="muted">Nothing matches. Change the search or the state.</p>}
          {data?.nextCursor && (
            <p className="row">
              <button
                type="button"
                disabled={isPlaceholderData || limit >= 1000}
                onClick={() => setLimit(Math.min(1000, limit + 2 * pageSize))}
              >
                Show older ones
              </button>
              <span className="muted">Search and filter look at the newest {all.length}.</span>
            </p>
          )}
        </>
      )}
      {asked && (
        <Confirm
          title={
            asked.experiments.length === 1
              ? 'Delete this experiment?'
              : `Delete ${countOf(asked.experiments.length, 'experiment')}?`
          }
          verb="Delete"
          onConfirm={() => {
            const ids = asked.experiments.map(({ id }) => id);
            actions.mutate({ verb: 'delete', ids });
            setChosen(chosen.filter((id) => !ids.includes(id)));
          }}
          onClose={() => setAsked(null)}
        >
          <p>Its arrays and results are deleted with it; this cannot be undone.</p>
          <ul>
            {asked.experiments.map(({ id, name }) => (
              <li key={id}>{name}</li>
            ))}
          </ul>
        </Confirm>
      )}
    </>
  );
}

export const hasEnded = ({ state }: Pick<Experiment, 'state'>): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled';

const textOf = ({ id, name, spec, state, project, createdBy }: Experiment): string =>
  [
    id,
    name,
    state,
    project,
    createdBy,
    spec.dataset.id,
    spec.architecture.family,
    spec.architecture.activation.name,
    ...spec.kernels,
  ]
    .join(' ')
    .toLowerCase();
