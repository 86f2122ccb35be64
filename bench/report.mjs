/** Measured rows as JSON and as a table. */

/**
 * @param {import('./rows.mjs').Row} row
 * @param {{ours: number | null, reference: number | null, note?: string}} measured in the row's unit; null: it could
 *   not be measured, `note` says why
 */
export function finishRow({ id, what, unit, bar }, { ours, reference, note }) {
  const ratio = ours === null || reference === null ? null : reference / ours;
  const row = { id, what, unit, ours, reference, ratio, bar, met: ratio !== null && ratio >= bar };
  return note === undefined ? row : { ...row, note };
}

/** @returns {string} a line a row, its note below it */
export function table(rows) {
  const header = ['id', 'ours', 'reference', 'unit', 'ratio', 'bar', 'met'];
  const cells = rows.map(({ id, ours, reference, unit, ratio, bar, met }) => [
    id,
    text(ours),
    text(reference),
    unit,
    text(ratio),
    String(bar),
    met ? 'yes' : 'NO',
  ]);
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i].length)));
  const isNumber = (column) => column > 0 && column !== 3 && column !== 6;
  const line = (row) =>
    row
      .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  const lines = [line(header)];
  rows.forEach(({ what, note }, i) => {
    lines.push(line(cells[i]), `    ${what}`);
    if (note !== undefined) lines.push(`    ${note}`);
  });
  return lines.join('\n');
}

/** The rows as docs/performance.md has them. */
export function markdown(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const body = rows.map(({ id, ours, reference, unit, ratio, bar, met }) => {
    const times = [ours, reference].map((value) => (value === null ? '-' : `${text(value)} ${unit}`));
    return line([id, ...times, met ? text(ratio) : `**${text(ratio)}**`, bar]);
  });
  return [
    line(['row', 'ours', 'reference', 'ratio', 'bar']),
    line(['---', '---', '---', '---', '---']),
    ...body,
  ].join('\n');
}

/** Three figures, without an exponent. */
function text(value) {
  if (value === null) return '-';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, digits));
}
