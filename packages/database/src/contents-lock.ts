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
  return inTransaction(db, async (client) => {
    await client.query({ ...patient, text: `SELECT ${lock}($1, $2)`, values: [lockClass, contentsLock] });
    return work();
  });
}

/**
 * Brings back one experiment: beside imports, alone for its id, and not while a sweep could take its files for orphans,
 * since they come before its rows.
 */
export function withRestore<T>(db: Database, id: string, work: () => Promise<T>): Promise<T> {
  return inTransaction(db, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock_shared($1, $2)', [lockClass, contentsLock]);
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`restore ${id}`]);
    return work();
  });
}
