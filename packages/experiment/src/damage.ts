import { type Database, type DoneTask, type Piece, rejectPiece, type TaskAddress } from '@tessera/database';
import { TesseraError } from '@tessera/spec';

/** A task must wait for another that was sent back; it is given back itself, at the cost of no attempt. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** True for stored bytes that are gone, cut short or changed. */
function isDamage(error: unknown): boolean {
  return error instanceof TesseraError && (error.code === 'corrupt-chunk' || error.code === 'not-found');
}

/** Sends the task whose piece was found damaged back to be computed again. @returns what to throw */
export async function sendBack(
  db: Database,
  place: Omit<TaskAddress, 'index'>,
  task: Pick<DoneTask, 'index' | 'generation'>,
  damage: unknown,
): Promise<NotYet> {
  const reason = damage instanceof Error ? damage.message : String(damage);
  await rejectPiece(db, { ...place, index: task.index, generation: task.generation }, reason);
  return new NotYet(`what ${place.wave} task ${task.index} left was damaged; it is computed again`);
}

/** Does `work`; where it meets damage in what `task` left, sends that task back and throws NotYet. */
export async function sendBackIfDamaged(
  db: Database,
  place: Omit<TaskAddress, 'index'>,
  task: Pick<DoneTask, 'index' | 'generation'>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw await sendBack(db, place, task, error);
  }
}

/** A piece that a done task left. */
export function pieceOf(task: Pick<DoneTask, 'index' | 'pieces'>, name: string): Piece {
  const piece = task.pieces[name];
  if (!piece) throw new Error(`Task ${task.index} left no piece ${name}.`);
  return piece;
}
