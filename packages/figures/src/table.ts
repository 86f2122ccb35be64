/** A figure's data as a table: CSV for readers of text, a structured `.npy` for numpy. */

export interface TableColumn {
  /** As the service names it: `weight_variance`. */
  name: string;
  /** The symbol as figures write it, and the unit; empty for a pure number. */
  symbol: string;
  unit: string;
}

export type TableCell = number | string | null;

export interface Table {
  columns: readonly TableColumn[];
  rows: readonly (readonly TableCell[])[];
}

/** RFC 4180 with a header of names, units in brackets; an empty field is no number. */
export function tableCsv({ columns, rows }: Table): string {
  const header = columns.map(({ name, unit }) => (unit === '' ? name : `${name} [${unit}]`));
  return [header, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

function csvField(cell: TableCell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A structured array of one dimension: float64 columns, text columns of fixed width; NaN is no number. */
export function tableNpy({ columns, rows }: Table): Uint8Array<ArrayBuffer> {
  const fields = columns.map(({ name }, i) => {
    const texts = rows.map((row) => row[i]).filter((cell) => typeof cell === 'string');
    const length = Math.max(0, ...texts.map((value) => [...value].length));
    return { name, characters: length };
  });
  const descr = fields
    .map(({ name, characters }) => `('${name}', '${characters > 0 ? `<U${characters}` : '<f8'}')`)
    .join(', ');
  const dictionary = `{'descr': [${descr}], 'fortran_order': False, 'shape': (${rows.length},), }`;
  const padding = ' '.repeat((64 - ((10 + dictionary.length + 1) % 64)) % 64);
  const header = `${dictionary}${padding}\n`;
  const itemBytes = fields.reduce((sum, { characters }) => sum + (characters > 0 ? 4 * characters : 8), 0);
  const bytes = new Uint8Array(10 + header.length + rows.length * itemBytes);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, ...[...'NUMPY'].map((letter) => letter.charCodeAt(0)), 1, 0]);
  view.setUint16(8, header.length, true);
  bytes.set(
    [...header].map((letter) => letter.charCodeAt(0)),
    10,
  );
  let at = 10 + header.length;
  for (const row of rows) {
    fields.forEach(({ characters }, i) => {
      const cell = row[i] ?? null;
      if (characters === 0) {
        view.setFloat64(at, typeof cell === 'number' ? cell : Number.NaN, true);
        at += 8;
        return;
      }
      [...String(cell ?? '')].forEach((letter, place) => {
        view.setUint32(at + 4 * place, letter.codePointAt(0) as number, true);
      });
      at += 4 * characters;
    });
  }
  return bytes;
}
