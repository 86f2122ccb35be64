import { Link } from 'wouter';
import { Failure } from '../../ui/notice.js';

/** In the place of an experiment that could not be read. */
export function NoExperiment({ error }: { error: Error }) {
  return (
    <>
      <h1>This experiment cannot be shown</h1>
      <Failure error={error} />
      <p>
        <Link href="/">Experiments</Link> lists those there are; one that was deleted is gone.
      </p>
    </>
  );
}
