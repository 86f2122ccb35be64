/** The nearest of the known names, for messages about unknown ones. */

/** The one known name that `name` begins, else the one within a third of its length in edits of `name` (at least 2), or null. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > 64) return null;
  const begun = name.length < 3 ? [] : known.filter((candidate) => candidate.startsWith(name));
  if (begun.length > 0) return begun.length === 1 ? (begun[0] as string) : null;
  let nearest: string | null = null;
  let smallest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.min(Math.max(2, Math.floor(candidate.length / 3)), candidate.length - 1);
    if (distance <= allowed && distance < smallest) {
      nearest = candidate;
      smallest = distance;
    }
  }
  return nearest;
}

/** Levenshtein distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[j] as number) + 1, (current[j - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}
