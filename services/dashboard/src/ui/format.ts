/** Numbers as people read them: three significant digits, powers of ten written out, units. */

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** 1.30 × 10⁻⁷, 0.0132, 1,234, 12.3; a dash for what is not a number. */
export function numberText(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) {
    if (size >= 10 ** digits) return Math.round(value).toLocaleString('en');
    return String(Number(value.toPrecision(digits)));
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  return `${mantissa} × 10${powerText(Number(exponent))}`;
}

const powerText = (power: number) =>
  (power < 0 ? '⁻' : '') + [...String(Math.abs(power))].map((digit) => superscripts[Number(digit)]).join('');

export const countText = (value: number): string => value.toLocaleString('en');

/** 1 tile, 1,200 tiles. */
export const countOf = (value: number, noun: string): string =>
  `${countText(value)} ${noun}${value === 1 ? '' : 's'}`;

/** 2 h 14 min, 3 min 10 s, 12 s, 0.4 s. */
export function durationText(seconds: number): string {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) {
    const whole = Math.round(seconds);
    const rest = whole % 60;
    return `${Math.floor(whole / 60)} min${whole < 600 && rest > 0 ? ` ${rest} s` : ''}`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.round((minutes % 1440) / 60)} h`;
}

/** 812 B, 1.21 kB, 34.0 MB, 1.20 GB. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** 38.2 tiles/s, 0.021 tiles/s. */
export const rateText = (perSecond: number, noun = 'tile'): string => `${numberText(perSecond)} ${noun}s/s`;

/** 14:02 of today, 26 Nov 14:02 of another day. */
export function timeText(time: string | Date): string {
  const date = new Date(time);
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${clock}`;
}

/** 14:02:33. */
export const clockText = (time: string | Date): string =>
  new Date(time).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
