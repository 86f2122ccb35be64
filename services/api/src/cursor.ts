/** Cursors of paged lists: opaque, URL-safe, and refused by every list but their own. */
import { Type } from 'typebox';
import { type Parameter, UnreadableParameter } from './query.js';

/**
 * The text of a cursor: where the next page starts.
 * @param list names the list, so that a cursor of another one is refused
 * @param position the order number of the last item of this page
 */
export function encodeCursor(list: string, position: bigint | number): string {
  return Buffer.from(JSON.stringify([list, String(position)])).toString('base64url');
}

const largest = 2n ** 63n - 1n;

/** The query parameter `cursor` of a list. */
export function cursorParameter(list: string): Parameter<bigint> {
  return {
    schema: Type.String({ description: '`nextCursor` of the page before; none for the first page.' }),
    read(text) {
      const position = decode(text, list);
      if (position !== null) return position;
      throw new UnreadableParameter(
        'is not a cursor of this list; send the nextCursor of the page before, as it came.',
      );
    },
  };
}

function decode(text: string, list: string): bigint | null {
  if (!/^[A-Za-z0-9_-]{1,400}$/.test(text)) return null;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null; // the caller says what is wrong
  }
  if (!Array.isArray(parts) || parts.length !== 2 || parts[0] !== list) return null;
  const position: unknown = parts[1];
  if (typeof position !== 'string' || !/^\d{1,19}$/.test(position)) return null;
  const value = BigInt(position);
  return value <= largest ? value : null;
}

/**
 * One page from `limit + 1` rows: the extra row only says that there is more.
 * @param positionOf the order number of a row
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  list: string,
  positionOf: (row: Row) => bigint | number,
  present: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(list, positionOf(last)) : null;
  return { items: shown.map(present), nextCursor };
}
