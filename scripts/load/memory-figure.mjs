/** The memory of each process over time, as SVG: attributes only, readable on white and dark pages. */
const width = 720;
const height = 360;
const margin = { left: 56, right: 120, top: 16, bottom: 44 };
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

/** @param {import('./memory.mjs').MemoryRecord} memory */
export function memoryFigure(memory) {
  const lastMinute = memory.seconds.at(-1) / 60;
  const most = Math.max(...[...memory.series.values()].flat());
  const top = Math.ceil(most / 100) * 100;
  const x = (minute) => margin.left + (minute / lastMinute) * (width - margin.left - margin.right);
  const y = (mebibytes) => height - margin.bottom - (mebibytes / top) * (height - margin.top - margin.bottom);
  const text = (at, up, anchor, words, extra = '') =>
    `<text x="${at.toFixed(1)}" y="${up.toFixed(1)}" text-anchor="${anchor}" font-family="sans-serif" font-size="12" fill="#333"${extra}>${words}</text>`;
  const parts = [`<rect width="${width}" height="${height}" fill="#fff"/>`];
  for (let value = 0; value <= top; value += top > 500 ? 200 : 100) {
    parts.push(
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>`,
      text(margin.left - 8, y(value) + 4, 'end', value),
    );
  }
  for (let minute = 0; minute <= lastMinute; minute += lastMinute > 10 ? 5 : 1) {
    parts.push(text(x(minute), height - margin.bottom + 18, 'middle', minute));
  }
  parts.push(text((margin.left + width - margin.right) / 2, height - 8, 'middle', 'minutes'));
  parts.push(text(14, height / 2, 'middle', 'MiB resident', ` transform="rotate(-90 14 ${height / 2})"`));
  let labelY = Number.POSITIVE_INFINITY;
  const byHeight = [...memory.series].sort(([, a], [, b]) => a.at(-1) - b.at(-1));
  for (const [i, [name, values]] of byHeight.entries()) {
    const points = values.map((value, k) => `${x(memory.seconds[k] / 60).toFixed(1)},${y(value).toFixed(1)}`);
    const color = colors[i % colors.length];
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="1.5"/>`);
    labelY = Math.min(y(values.at(-1)) + 4, labelY - 14);
    parts.push(
      `<text x="${width - margin.right + 8}" y="${labelY.toFixed(1)}" font-family="sans-serif" font-size="12" fill="${color}">${name}</text>`,
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Resident memory of each process over time">\n${parts.join('\n')}\n</svg>\n`;
}
