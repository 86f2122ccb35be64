/** The one wording of "this number is null and why". */
export function nullWarning(names: readonly string[], reason: string): string {
  const last = names.at(-1);
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last;
  return `${list} ${names.length > 1 ? 'are' : 'is'} null: ${reason}.`;
}

export const scoreNames = ['trainAccuracy', 'testAccuracy', 'trainLoss', 'testLoss'] as const;

/** Names of the numbers of one entry: `dynamics[2].trainLoss`. */
export function entryNames(
  group: 'regression' | 'dynamics',
  index: number,
  names: readonly string[] = scoreNames,
): string[] {
  return names.map((name) => `${group}[${index}].${name}`);
}
