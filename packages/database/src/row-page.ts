/** What filters rows of results: their columns' names. */
const columns = {
  kernel: 'kernel',
  weightVariance: 'weight_variance',
  biasVariance: 'bias_variance',
  depth: 'depth',
  seed: 'seed',
} as const;
type Filter = { [Name in keyof typeof columns]?: string | number };

/**
 * What follows WHERE for a page of an experiment's rows, in order, and its parameters. Prisma is not asked: it sends whole
 * numbers beyond 2^53 rounded to 16 digits, and the largest doubles so become numbers that Postgres refuses.
 */
export function rowPage(
  experimentId: string,
  { after, limit, ...filter }: Filter & { after: number | null; limit: number },
): { text: string; values: unknown[] } {
  const values: unknown[] = [experimentId, after ?? -1, limit];
  const filters = Object.entries(filter).map(
    ([name, value]) => ` AND ${columns[name as keyof Filter]} = $${values.push(value)}`,
  );
  return {
    text: `experiment_id = $1 AND ordinal > $2${filters.join('')} ORDER BY ordinal LIMIT $3`,
    values,
  };
}
