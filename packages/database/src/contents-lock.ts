import { type Database, inTransaction, patient } from './connection.js';

/** Two-part advisory lock: the first number is ours, the second says what it guards. */
const lockClass = 7_305_442;
const contentsLock = 10;

/**
 * Runs `work` while no other process does the opposite: imports run beside each other, a removal runs alone.
 * So the contents that an import has just written are not taken away before they have a name.
 */
export function withContents<T>(db: Database, mode: 'import' | 'remove', work: () => Promise<T>): Promise<T> {
  const lock = mode === 'import' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
  const locked = () =>
    inTransaction(db, async (client) => {
      await client.query({ ...patient, text: `SELECT ${lock}($1, $2)`, values: [lockClass, contentsLock] });
      return work();
    });
  return mode === 'import' ? locked() : inTurn(db, 'contents', locked);
}

/** The last of those that were given a turn, by database and what they do. */
const turns = new WeakMap<Database, Map<string, Promise<unknown>>>();

/**
 * One at a time in this process: each holds a connection while its work takes another, and as many of them as the pool has
 * connections would wait for one for ever.
 */
function inTurn<T>(db: Database, what: 'contents' | 'deletion', work: () => Promise<T>): Promise<T> {
  const ofDatabase = turns.get(db) ?? new Map<string, Promise<unknown>>();
  turns.set(db, ofDatabase);
  const before = ofDatabase.get(what) ?? Promise.resolve();
  const turn = before.then(work, work);
  ofDatabase.set(what, turn);
  return turn;
}

const filesLock = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';

/**
 * Brings back one experiment: beside imports, alone for its id, and not while a sweep could take its files for orphans,
 * since they come before its rows.
 */
export function withRestore<T>(db: Database, id: string, work: () => Promise<T>): Promise<T> {
  return inTransaction(db, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock_shared($1, $2)', [lockClass, contentsLock]);
    await client.query(filesLock, [`restore ${id}`]);
    return work();
  });
}

/**
 * Deletes one experiment, rows and files: a restore under the same id waits, so that none of the files it writes is taken
 * for one of those that go.
 */
export function withDeletion<T>(db: Database, id: string, work: () => Promise<T>): Promise<T> {
  return inTurn(db, 'deletion', () =>
    inTransaction(db, async (client) => {
      await client.query({ ...patient, text: filesLock, values: [`restore ${id}`] });
      return work();
    }),
  );
}
