/** The one place where errors of the file system become errors of this project. */
import { TesseraError } from '@tessera/spec';

/** Codes that say "nothing is stored under this key". A key below a file and a folder in a key's place count too. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);

const reasons: Record<string, string> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EIO: 'the device reported an input/output error',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** The error code of a failed file operation, null for any other error. */
export function fileErrorCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && !(error instanceof TesseraError) ? code : null;
}

export function isAbsent(error: unknown): boolean {
  const code = fileErrorCode(error);
  return code !== null && absent.has(code);
}

/** What to throw for a failed operation on `key`: `not-found`, `unavailable`, or the error itself when it is ours. */
export function storageError(action: 'read' | 'write' | 'delete', key: string, error: unknown): unknown {
  const code = fileErrorCode(error);
  if (code === null) return error;
  if (action === 'read' && absent.has(code)) {
    return new TesseraError('not-found', `Nothing is stored under ${key}.`, {
      cause: error,
    });
  }
  const reason = reasons[code] ?? code;
  return new TesseraError('unavailable', `Cannot ${action} ${key}: ${reason}.`, { cause: error });
}
