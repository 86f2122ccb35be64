import { useCluster } from '../../live/use-cluster.js';
import { useSession } from '../../session/use-session.js';
import { bytesText, countText, durationText } from '../../ui/format.js';
import { Failure, Loading } from '../../ui/notice.js';
import { WorkerTable } from './worker-table.js';

/** Everything at work: workers, queues, leases, sizes. */
export default function ClusterPage() {
  const { data, error, refetch } = useCluster();
  const { data: session } = useSession();
  if (data === undefined) {
    return (
      <>
        <h1>Cluster</h1>
        {error ? <Failure error={error} onRetry={() => void refetch()} /> : <Loading />}
      </>
    );
  }
  const { workers, queues, leases, store, database, experiments, tasks, oldestQueuedSeconds } = data;
  const waiting = tasks.filter(({ state }) => state === 'pending').reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <div className="page-head">
        <h1>Cluster</h1>
        <span className="muted">version {data.version}</span>
        {session?.required && session.role !== 'admin' && session.project !== '*' && (
          <span className="muted">counted of the project {session.project}</span>
        )}
      </div>
      {error && <Failure error={error} />}
      <section className="panel">
        <h2>Workers and aggregators</h2>
        <WorkerTable workers={workers} />
      </section>
      <div className="columns">
        <section className="panel">
          <h2>Queues</h2>
          <dl className="facts">
            {queues === null ? (
              <>
                <dt>Queue</dt>
                <dd className="error-text">
                  does not answer; it is filled again from the database when it does
                </dd>
              </>
            ) : (
              Object.entries(queues).map(([name, { waiting, active }]) => (
                <Fact key={name} name={name}>
                  {countText(waiting)} waiting, {countText(active)} in hand
                </Fact>
              ))
            )}
            <Fact name="Waiting longest">
              {oldestQueuedSeconds === null ? 'nothing waits' : durationText(oldestQueuedSeconds)}
            </Fact>
            <Fact name="Tasks pending">{countText(waiting)}</Fact>
            <Fact name="Leases">
              {countText(leases.held)} held
              {leases.soonestEndSeconds !== null &&
                (leases.soonestEndSeconds < 0
                  ? `, the oldest ended ${durationText(-leases.soonestEndSeconds)} ago`
                  : `, the first ends in ${durationText(leases.soonestEndSeconds)} unless it is extended`)}
            </Fact>
          </dl>
        </section>
        <section className="panel">
          <h2>Storage</h2>
          <dl className="facts">
            <Fact name="Store, free">
              {store.freeBytes === null ? 'it cannot tell' : bytesText(store.freeBytes)}
            </Fact>
            <Fact name="Kept for experiments">{bytesText(store.keptBytes)} as planned</Fact>
            <Fact name="Database">{bytesText(database.bytes)}</Fact>
            <Fact name="Connections">
              {database.connections.used} of {database.connections.limit}
            </Fact>
          </dl>
        </section>
        <section className="panel">
          <h2>Experiments</h2>
          <dl className="facts">
            {Object.keys(experiments).length === 0 && <Fact name="None">yet</Fact>}
            {Object.entries(experiments).map(([state, count]) => (
              <Fact key={state} name={state}>
                {countText(count)}
              </Fact>
            ))}
          </dl>
        </section>
      </div>
    </>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
