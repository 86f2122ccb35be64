import type { ExperimentHistory } from '@tessera/spec';
import { useUrlParam } from '../../ui/url-state.js';

/** What went wrong, by cause, and the button that mends it. */
export function FailuresPanel(props: {
  failures: ExperimentHistory['failures'];
  /** Whether what failed is still tried again. */
  moves: boolean;
  mayRetry: boolean;
  isBusy: boolean;
  onRetry: () => void;
}) {
  const { failures, moves, mayRetry, isBusy, onRetry } = props;
  const [, selectTile] = useUrlParam('tile');
  if (failures.length === 0) return null;
  return (
    <section className="panel failures">
      <div className="row spread">
        <h2>Errors by cause</h2>
        {mayRetry && (
          <button type="button" className="primary" disabled={isBusy} onClick={onRetry}>
            Retry what failed
          </button>
        )}
      </div>
      <ul>
        {failures.map(({ cause, wave, example, failed, retrying, workers, places }) => (
          <li key={`${wave} ${cause}`}>
            <p className="error-text">{example}</p>
            <p className="muted">
              {failed > 0 && `${failed} failed for good`}
              {failed > 0 && retrying > 0 && ', '}
              {retrying > 0 && `${retrying} ${moves ? 'tried again by themselves' : 'given up with them'}`}
              {workers.length > 0 && `; on ${workers.slice(0, 3).join(', ')}`}
            </p>
            {wave === 'train' && (
              <p className="row">
                {places.slice(0, 6).map(({ kernel, task }) => (
                  <button
                    type="button"
                    className="quiet"
                    key={`${kernel}.${task}`}
                    onClick={() => selectTile(`${kernel}.${task}`)}
                  >
                    tile {task} of kernel {kernel}
                  </button>
                ))}
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
