import type { Cluster } from '@tessera/spec';
import { WorkerTable } from '../cluster/worker-table.js';

/** Who computes at this moment. */
export function WorkersPanel({ cluster }: { cluster: Cluster | undefined }) {
  if (!cluster) return null;
  return (
    <section className="panel">
      <h2>Workers</h2>
      <WorkerTable workers={cluster.workers} />
    </section>
  );
}
