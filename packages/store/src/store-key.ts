import { TesseraError } from '@tessera/spec';
import { isTemporaryName } from './safe-write.js';

/**
 * The parts of a key. A key that could leave its store, or hide as an unfinished write, is a mistake of ours.
 * @throws TesseraError internal
 */
export function keyParts(key: string): string[] {
  const parts = key.split('/');
  const isSafe = parts.every(
    (part) => part !== '' && part !== '.' && part !== '..' && !isTemporaryName(part),
  );
  if (!isSafe || /[\\\0]/.test(key))
    throw new TesseraError('internal', `${JSON.stringify(key)} is not a store key.`);
  return parts;
}
