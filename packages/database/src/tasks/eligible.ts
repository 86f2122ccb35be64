/** Which worker may compute which experiment's tiles: said once, for claims and for the dispatcher. */

/** A worker silent for longer than this counts for nothing. */
export const workerSilenceMs = 15_000;

const isAlive = (worker: string) =>
  `${worker}.role = 'worker' AND ${worker}.heartbeat_at >= now() - ${workerSilenceMs} * interval '1 millisecond'`;

/** The engine has what the experiment needs, and is the one it asks for. Of processes of the version before nothing is known. */
const isAble = (worker: string) =>
  `(${worker}.abilities IS NULL OR e.needs IS NULL OR e.needs = ANY(${worker}.abilities))
   AND (e.numerics IN ('any', 'pinned') OR e.numerics = ${worker}.engine)`;

/** Seconds a tile may take on a worker before it is left to one that is so many times as fast and has a slot free. */
const [patienceSeconds, timesAsFast] = [10, 4];

/**
 * SQL: the worker `w` may compute tiles of the experiment `e`. A tile that would take it long is left to a much faster worker that has
 * a slot free at this moment: none is, and it takes the tile itself.
 */
export const mayCompute = `${isAble('w')} AND NOT (
     e.tile_work > ${patienceSeconds} * w.speed
     AND EXISTS (SELECT 1 FROM workers f WHERE ${isAlive('f')} AND ${isAble('f')} AND f.speed >= ${timesAsFast} * w.speed
       AND (e.numerics = 'any' OR e.worker_fingerprint IS NULL OR e.worker_fingerprint = f.fingerprint)
       AND (SELECT count(*) FROM tasks WHERE state = 'leased' AND worker_id = f.id) < f.slots))`;

/** SQL: workers live, and none of them computes the experiment `e`. */
export const hasNoWorker = `EXISTS (SELECT 1 FROM workers w WHERE ${isAlive('w')})
   AND NOT EXISTS (SELECT 1 FROM workers w WHERE ${isAlive('w')} AND ${isAble('w')})`;
