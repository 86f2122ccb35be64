import { type Database, type DoneTask, rejectPiece } from '@tessera/database';
import { TesseraError, type Wave } from '@tessera/spec';

/** True for stored bytes that are gone, cut short or changed: their task is computed again. */
export function isDamage(error: unknown): boolean {
  return error instanceof TesseraError && (error.code === 'corrupt-chunk' || error.code === 'not-found');
}

/** Sends a task whose piece was found damaged back to be computed again; `wave` and `task` say which it was. */
export async function rejectDamaged(
  db: Database,
  place: { experimentId: string; kernelIndex: number; wave: Wave },
  task: Pick<DoneTask, 'index' | 'generation'>,
  error: unknown,
): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  await rejectPiece(db, { ...place, index: task.index, generation: task.generation }, reason);
}
