import { closest, distance } from 'fastest-levenshtein';
import type { Environment } from './settings.js';
import { variables } from './variables.js';

/** Edits up to which an unknown name is taken for a misspelt one. */
const nearEdits = 4;

/** One sentence for each unknown `TESSERA_` name: not an error, because Kubernetes injects some of its own. */
export function unknownNames(env: Environment): string[] {
  const known: string[] = variables.map((variable) => variable.name);
  return Object.keys(env)
    .filter((name) => name.startsWith('TESSERA_') && !known.includes(name))
    .sort()
    .map((name) => {
      const nearest = closest(name, known);
      const hint =
        distance(name, nearest) <= nearEdits
          ? ` Did you mean ${nearest}?`
          : ` The nearest known name is ${nearest}.`;
      return `${name} is not a setting of Tessera and is ignored.${hint}`;
    });
}
