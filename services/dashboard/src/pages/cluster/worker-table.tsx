import type { Cluster } from '@tessera/spec';
import { durationText, numberText } from '../../ui/format.js';

/** Silent for longer than this, a worker is taken for dead. */
const silenceSeconds = 15;

/** Workers and aggregators: engine, device, pace, when last heard. */
export function WorkerTable({ workers }: { workers: Cluster['workers'] }) {
  if (workers.length === 0) {
    return <p>No worker has said that it lives. Tiles wait until one does: start one, or look at its log.</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
    <section className="scroll-x" tabIndex={0} aria-label="Workers">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Engine</th>
            <th scope="col">Device</th>
            <th scope="col" className="number">
              Tasks/s
            </th>
            <th scope="col" className="number">
              In hand
            </th>
            <th scope="col" className="number">
              Last seen
            </th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.id} className={worker.secondsSilent > silenceSeconds ? 'trouble' : ''}>
              <th scope="row" title={`${worker.id}, version ${worker.version}, ${worker.fingerprint}`}>
                {worker.id}
              </th>
              <td>{worker.engine}</td>
              <td>{worker.device}</td>
              <td className="number">{numberText(worker.tasksPerSecond)}</td>
              <td className="number">
                {worker.leases} of {worker.slots}
              </td>
              <td className="number">
                {worker.secondsSilent < 3 ? 'now' : `${durationText(worker.secondsSilent)} ago`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
