/** The members of an archive that a data set is read from, checked by what the archive's directory declares. */
import type { Problem } from '@tessera/spec';
import type { NpzLimits } from './npz-limits.js';
import type { ZipArchive, ZipMember } from './zip-archive.js';

export type ArrayName = 'x_train' | 'y_train' | 'x_test' | 'y_test';
const arrayNames: readonly ArrayName[] = ['x_train', 'y_train', 'x_test', 'y_test'];
/** Member names that a message lists. */
const listedNames = 8;

/**
 * Finds the arrays of a data set: the training pair, and the test pair where one of it is there. Nothing is inflated.
 * Empty where their declared sizes exceed the limit.
 */
export function findMembers(
  archive: ZipArchive,
  limits: NpzLimits,
  problems: Problem[],
): Map<ArrayName, ZipMember> {
  const found = new Map<ArrayName, ZipMember>();
  const names = new Set<string>();
  for (const { name } of archive.members) {
    if (/[/\\\0]|^\.\.?$|^[A-Za-z]:/.test(name)) {
      problems.push({ pointer: '', message: `The member ${shown(name)} has a path for a name.` });
    }
    if (names.has(name)) {
      problems.push({ pointer: '', message: `The archive has two members ${shown(name)}.` });
    }
    names.add(name);
  }
  for (const name of arrayNames) {
    const member = archive.members.find((candidate) => candidate.name === `${name}.npy`);
    if (member !== undefined) found.set(name, member);
  }
  for (const name of arrayNames) {
    const partner = (name.startsWith('x') ? name.replace('x', 'y') : name.replace('y', 'x')) as ArrayName;
    const isNeeded = name.endsWith('train') || found.has(partner);
    if (found.has(name) || !isNeeded) continue;
    problems.push({ pointer: `/${name}`, message: `${name} is missing; ${listing(names)}.` });
  }
  const bytes = [...found.values()].reduce((sum, member) => sum + member.bytes, 0);
  if (bytes > limits.maxBytes) {
    const message = `The arrays inflate to ${bytes} bytes; the limit is ${limits.maxBytes}.`;
    problems.push({ pointer: '', message });
    found.clear();
  }
  return found;
}

function listing(names: ReadonlySet<string>): string {
  if (names.size === 0) return 'the archive is empty';
  const listed = [...names].slice(0, listedNames).map(shown).join(', ');
  return `the archive holds ${listed}${names.size > listedNames ? ', ...' : ''}`;
}

const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name);
