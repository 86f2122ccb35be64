import { useExperiment } from '../../live/use-experiment.js';
import { Failure, Loading } from '../../ui/notice.js';

export default function ExperimentPage({ id }: { id: string }) {
  const { experiment, error } = useExperiment(id);
  if (experiment === undefined) return error ? <Failure error={error} /> : <Loading />;
  return <h1>{experiment.name}</h1>;
}
