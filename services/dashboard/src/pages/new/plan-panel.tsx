import { bytesText, countOf, countText, durationText } from '../../ui/format.js';
import type { LivePlan } from './use-plan.js';

/** The plan's cost, in one look. */
export function PlanPanel({ plan, problems, error, isOld }: LivePlan) {
  return (
    <section className="panel" aria-live="polite" aria-busy={isOld}>
      <h2>What it costs</h2>
      {problems.length > 0 && (
        <p className="error-text">
          {countOf(problems.length, 'problem')} to mend; each is named at its field.
        </p>
      )}
      {error && <p className="error-text">{error.message}</p>}
      {!plan && problems.length === 0 && !error && <p className="muted">Planning ...</p>}
      {plan && (
        <dl className={isOld ? 'facts old' : 'facts'}>
          <dt>Work</dt>
          <dd>
            {countOf(plan.kernels, 'kernel')}, {countOf(plan.tiles, 'tile')} of {plan.tileSize} images a side
          </dd>
          <dt>Results</dt>
          <dd>
            {countText(plan.analyses)} matrices, {countOf(plan.strips, 'strip')}
            {plan.trainings > 0 && `, ${countOf(plan.trainings, 'network')} to train`}
          </dd>
          <dt>Computing</dt>
          <dd>{durationText(plan.coreSeconds)} of one core</dd>
          <dt>Time</dt>
          <dd>
            <strong>{durationText(plan.seconds)}</strong> with the workers there are now
          </dd>
          <dt>Kept</dt>
          <dd>
            {bytesText(plan.bytes.kept)}, and {bytesText(plan.bytes.temporary)} meanwhile
            {plan.bytes.free !== null && <span className="muted"> ({bytesText(plan.bytes.free)} free)</span>}
          </dd>
          {plan.warnings.map((warning) => (
            <div key={warning} className="wide error-text">
              {warning}
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
