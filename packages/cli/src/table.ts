/** Plain aligned tables. */

export interface Column<Row> {
  title: string;
  text(row: Row): string;
  /** Numbers stand to the right. */
  align?: 'left' | 'right';
}

/** The rows under their titles, columns two spaces apart. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => column.text(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => textWidth(line[i] as string))));
  return cells
    .map((line) =>
      line
        .map((cell, i) => {
          const padding = ' '.repeat((widths[i] as number) - textWidth(cell));
          return columns[i]?.align === 'right' ? padding + cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The text cut to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 3)).join('')}...`;
}

/** Columns a text takes, one a character; combining marks take none. */
function textWidth(text: string): number {
  return [...text.replace(/\p{M}/gu, '')].length;
}
