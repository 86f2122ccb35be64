/** How the terminal writes numbers, times, durations and counts. */

/** Three significant digits, powers as 1.30 x 10^-7; `-` where there is no number. */
export function numberText(value: number | null, digits = 3): string {
  if (value === null) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) {
    const text = Number(value.toPrecision(digits));
    return size >= 10 ** digits ? String(Math.round(value)) : String(text);
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  return `${mantissa} x 10^${Number(exponent)}`;
}

/** A fraction as a percentage with three significant digits. */
export function percentText(fraction: number | null): string {
  return fraction === null ? '-' : `${(100 * fraction).toPrecision(3)} %`;
}

/** A count with its thousands apart: 12,345. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** The two largest units: 2 h 14 min, 3 min 5 s, 12 s. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return '0 s';
  let rest = whole;
  const parts: string[] = [];
  for (const [unit, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * size;
  }
  return parts.join(' ');
}

/** Bytes in powers of 1000: 25.3 GB. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** A moment to the second, in UTC: 2026-03-01T14:02:00Z. */
export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
