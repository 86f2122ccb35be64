import { useQuery } from '@tanstack/react-query';
import { api } from '../../../live/api.js';
import { bytesText, clockText, numberText } from '../../../ui/format.js';
import { Failure, Loading } from '../../../ui/notice.js';
import { StateMark } from '../../../ui/state-mark.js';
import { eventText } from '../log-panel.js';

/** All that is known of one tile. */
export function TileHistory(props: { id: string; kernel: number; tile: number; onClose: () => void }) {
  const { id, kernel, tile, onClose } = props;
  const { data, error } = useQuery({
    queryKey: ['tile', id, kernel, tile],
    queryFn: () => api.getTile(id, kernel, tile),
    refetchInterval: ({ state }) => (state.data?.kernelState === 'active' ? 2000 : false),
  });
  const task = data?.task;
  return (
    <section className="tile-history" aria-label={`Tile ${tile} of kernel ${kernel}`}>
      <div className="row spread">
        <h3>
          Tile {tile} of kernel {kernel}
        </h3>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      </div>
      {error && <Failure error={error} />}
      {!data && !error && <Loading />}
      {data && (
        <>
          <dl className="facts">
            <dt>Kernel</dt>
            <dd>
              σw² = {numberText(data.weightVariance, 5)}, σb² = {numberText(data.biasVariance, 5)},{' '}
              {data.kernelState}
            </dd>
            <dt>Images</dt>
            <dd>
              {data.rows.start} to {data.rows.start + data.rows.count - 1} by {data.cols.start} to{' '}
              {data.cols.start + data.cols.count - 1}
            </dd>
            {task && (
              <>
                <dt>State</dt>
                <dd>
                  <StateMark state={task.state} /> in generation {task.generation}
                  {task.attempts > 0 && `, ${task.attempts} failed tries`}
                  {task.expiries > 0 && `, ${task.expiries} lost leases`}
                </dd>
                {task.workerId && (
                  <>
                    <dt>Worker</dt>
                    <dd className="mono">{task.workerId}</dd>
                  </>
                )}
                {task.engine && (
                  <>
                    <dt>Engine</dt>
                    <dd>
                      {task.engine} on {task.device}
                    </dd>
                  </>
                )}
                {task.milliseconds !== null && (
                  <>
                    <dt>Took</dt>
                    <dd>
                      {numberText(task.milliseconds)} ms, left {bytesText(task.bytes)}
                    </dd>
                  </>
                )}
                {task.lastError && (
                  <>
                    <dt>Last error</dt>
                    <dd className="error-text">{task.lastError}</dd>
                  </>
                )}
                {task.pieces && (
                  <>
                    <dt>Files</dt>
                    <dd>
                      {Object.entries(task.pieces).map(([name, { checksum }]) => (
                        <div key={name}>
                          {name} <span className="mono muted">crc32c {checksum}</span>
                        </div>
                      ))}
                    </dd>
                  </>
                )}
              </>
            )}
          </dl>
          {!task && (
            <p className="muted">
              {data.kernelState === 'done'
                ? 'The kernel is done; the rows of its tiles were summed up when it was finished.'
                : 'The kernel has not started.'}
            </p>
          )}
          {data.log.length > 0 && (
            <ol className="log" aria-label="What happened to it">
              {data.log.map((entry) => (
                <li key={entry.id}>
                  <time dateTime={entry.at}>{clockText(entry.at)}</time> <span>{eventText(entry)}</span>
                </li>
              ))}
            </ol>
          )}
        </>
      )}
    </section>
  );
}
