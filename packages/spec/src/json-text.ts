/** How messages write fields and values. */

export type JsonKind = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object' | 'other';

/** The JSON type of a value; `other` for what JSON cannot hold. */
export function jsonKind(value: unknown): JsonKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const kind = typeof value;
  return kind === 'boolean' || kind === 'number' || kind === 'string' || kind === 'object' ? kind : 'other';
}

/** The pointer to `key` within the value at `pointer` (RFC 6901). */
export function childPointer(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A pointer as people write fields: `/grid/depth/3` is `grid.depth[3]`. */
export function fieldName(pointer: string): string {
  let name = '';
  for (const part of pointer.split('/').slice(1)) {
    const key = printable(part.replaceAll('~1', '/').replaceAll('~0', '~'));
    name += /^\d+$/.test(key) ? `[${key}]` : name === '' ? key : `.${key}`;
  }
  return name === '' ? 'The body' : name;
}

/** A value for a message: scalars as JSON, the rest by kind, never long. */
export function valueText(value: unknown): string {
  switch (jsonKind(value)) {
    case 'string':
      return `the string ${shorten(JSON.stringify(value))}`;
    case 'array':
      return (value as unknown[]).length === 0 ? 'an empty list' : 'a list';
    case 'object':
      return 'an object';
    case 'other':
      return value === undefined ? 'missing' : `a ${typeof value}`;
    default:
      return String(value);
  }
}

/** A key as it is where it is plain text, else as a JSON string: control characters reach no terminal. */
function printable(key: string): string {
  return shorten(/^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(key) ? key : JSON.stringify(key));
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** `a`, `a or b`, `a, b or c`. */
export function orList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}
