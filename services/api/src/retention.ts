/** Deletes what ended long ago: when an admin asks for it, and by the policy of the settings. */
import { expiredExperiments, forgetExpired, withDeletion } from '@tessera/database';
import type { CollectReport, CollectRequest } from '@tessera/spec';
import { deleteExperiment, deleteTemporary, storedBytes } from '@tessera/store';
import type { AppContext } from './app-context.js';

type Context = Pick<AppContext, 'db' | 'store' | 'logger'>;

/** Deletes, or only tells. One that was retried meanwhile is left out; files that a crash leaves are swept. */
export async function collect(
  { db, store, logger }: Context,
  { olderThanSeconds, keepKernels, dryRun }: CollectRequest,
): Promise<CollectReport> {
  const retained = keepKernels ? 'results' : 'nothing';
  const experiments: CollectReport['experiments'] = [];
  for (const found of await expiredExperiments(db, olderThanSeconds, retained)) {
    const { id, finishedAt } = found;
    const bytes = await storedBytes(store, id, keepKernels ? 'temporary' : 'all');
    if (!dryRun) {
      const isForgotten = await withDeletion(db, id, async () => {
        if (!(await forgetExpired(db, id, olderThanSeconds, retained))) return false;
        await (keepKernels ? deleteTemporary(store, id) : deleteExperiment(store, id));
        return true;
      });
      if (!isForgotten) continue;
      logger.info(
        { experiment: id, state: found.state, finishedAt, bytes, retained },
        'expired experiment collected',
      );
    }
    experiments.push({ ...found, finishedAt: finishedAt.toISOString(), bytes });
  }
  const bytes = experiments.reduce((sum, one) => sum + one.bytes, 0);
  return { dryRun, keepKernels, bytes, experiments };
}

const daySeconds = 86_400;
const intervalMs = 600_000;

/** Applies the policy now and then, in the process that leads. */
export function collectRegularly(
  context: Context,
  policy: { retentionDays: number | null; isLeader: () => boolean; intervalMs?: number },
): NodeJS.Timeout | null {
  const { retentionDays, isLeader } = policy;
  if (retentionDays === null) return null;
  let isCollecting = false;
  const timer = setInterval(() => {
    if (isCollecting || !isLeader()) return;
    isCollecting = true;
    collect(context, { olderThanSeconds: retentionDays * daySeconds, keepKernels: false, dryRun: false })
      .catch((error: unknown) => context.logger.warn({ err: error }, 'collecting expired experiments failed'))
      .finally(() => {
        isCollecting = false;
      });
  }, policy.intervalMs ?? intervalMs);
  timer.unref();
  return timer;
}
