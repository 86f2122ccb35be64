/**
 * Does `work` for every item, in their order, several at a time. After a failure no further one is begun; it is thrown once
 * those in hand have ended.
 */
export async function severalAtOnce<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failure: { error: unknown } | null = null;
  const workOff = async () => {
    for (let next = queue.next(); !next.done && failure === null; next = queue.next()) {
      await work(next.value).catch((error: unknown) => {
        failure ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: most }, workOff));
  if (failure !== null) throw (failure as { error: unknown }).error;
}
