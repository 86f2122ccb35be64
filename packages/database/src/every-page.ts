/**
 * A list of rows from its first to its last, page by page.
 * @param list reads the page behind the row of this ordinal; null: the first
 */
export async function* everyPage<Row extends { ordinal: number }>(
  list: (after: number | null) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let after: number | null = null; ; ) {
    const rows: Row[] = await list(after);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = last.ordinal;
  }
}
