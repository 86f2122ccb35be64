import type { FairBudget } from '@tessera/linalg';

/**
 * Works on all items, each in its turn: as many at once as `turns` has, first come first served between all that share them.
 * @returns what became of each, in their order
 * @throws what the first that failed threw, once none is in work; those whose turn had not come are left
 */
export async function inTurns<Item, Result>(
  turns: FairBudget,
  signal: AbortSignal,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  let failure: { error: unknown } | null = null;
  const inTurn = async (item: Item): Promise<Result | undefined> => {
    await turns.take(1);
    try {
      signal.throwIfAborted();
      return failure === null ? await work(item) : undefined;
    } catch (error) {
      failure ??= { error };
      return undefined;
    } finally {
      turns.giveBack(1);
    }
  };
  const results = await Promise.all(items.map(inTurn));
  if (failure !== null) throw (failure as { error: unknown }).error;
  return results as Result[];
}
