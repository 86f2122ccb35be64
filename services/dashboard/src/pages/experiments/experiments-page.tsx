import { Link } from 'wouter';
import { useExperiments } from '../../live/use-experiments.js';
import { Failure, Loading } from '../../ui/notice.js';

export function ExperimentsPage() {
  const { data, error, refetch } = useExperiments(200);
  return (
    <>
      <h1>Experiments</h1>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && !error && <Loading />}
      <ul>
        {data?.items.map(({ id, name, state }) => (
          <li key={id}>
            <Link href={`/experiments/${id}`}>{name}</Link> {state}
          </li>
        ))}
      </ul>
    </>
  );
}
