/** From data to coordinates and back: linear, logarithmic, and bands of listed values. */
import { ticks } from 'd3-array';
import { numberMarkup } from './number-markup.js';

export interface Tick {
  at: number;
  /** Markup; empty for a tick without a label. */
  label: string;
}

/** One axis of a panel, for marks, hit tests and brushing. Coordinates are those of the figure. */
export interface Scale {
  kind: 'linear' | 'log' | 'bands';
  /** The values at the two ends; of bands, the first and last. */
  domain: readonly [number, number];
  range: readonly [number, number];
  /** NaN where a value has no place (0 on a logarithmic axis). */
  position(value: number): number;
  /** The value at a coordinate; of bands, the listed value nearest to it. */
  invert(coordinate: number): number;
  ticks(count: number): Tick[];
  /** Of bands: the listed values, and where each band begins and ends. */
  values?: readonly number[];
  edges?: readonly number[];
}

export function linearScale(
  domain: readonly [number, number],
  range: readonly [number, number],
  label: (value: number) => string = numberMarkup,
): Scale {
  const [low, high] = domain;
  const [from, to] = range;
  const span = high === low ? 1 : high - low;
  return {
    kind: 'linear',
    domain,
    range,
    position: (value) => from + ((value - low) / span) * (to - from),
    invert: (coordinate) => low + ((coordinate - from) / (to - from)) * span,
    ticks: (count) => ticks(low, high, count).map((at) => ({ at, label: label(Number(at.toPrecision(12))) })),
  };
}

/** `domain` positive. */
export function logScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = domain.map(Math.log10) as [number, number];
  const [from, to] = range;
  const span = high === low ? 1 : high - low;
  return {
    kind: 'log',
    domain,
    range,
    position: (value) => (value > 0 ? from + ((Math.log10(value) - low) / span) * (to - from) : Number.NaN),
    invert: (coordinate) => 10 ** (low + ((coordinate - from) / (to - from)) * span),
    ticks: (count) => logTicks(low, high, count),
  };
}

/** Whole powers, every second or fifth where there are many; 2 and 5 times them where there are few. */
function logTicks(low: number, high: number, count: number): Tick[] {
  const first = Math.ceil(low - 1e-9);
  const last = Math.floor(high + 1e-9);
  const powers = last - first + 1;
  if (powers < 2) {
    return ticks(10 ** low, 10 ** high, count)
      .filter((at) => at > 0)
      .map((at) => ({ at, label: numberMarkup(at) }));
  }
  const step = [1, 2, 5, 10, 20, 50, 100].find((size) => powers / size <= count) ?? Math.ceil(powers / count);
  const result: Tick[] = [];
  for (let power = first; power <= last; power++) {
    if (power % step === 0) result.push({ at: 10 ** power, label: powerMarkup(power) });
    else if (step <= 5) result.push({ at: 10 ** power, label: '' });
  }
  return result;
}

const powerMarkup = (power: number) =>
  power === 0 ? '1' : power === 1 ? '10' : power === 2 ? '100' : `10^{${power}}`;

/**
 * Bands of equal width, one a listed value, in rising order. Between two values positions are interpolated, beyond
 * them continued, so that a curve can be drawn over bands.
 */
export function bandScale(values: readonly number[], range: readonly [number, number]): Scale {
  const [from, to] = range;
  const width = (to - from) / values.length;
  const last = values.length - 1;
  const place = (value: number): number => {
    if (last === 0) return value === values[0] ? 0 : value < (values[0] as number) ? -1 : 1;
    let above = values.findIndex((listed) => listed >= value);
    if (above < 0) above = last;
    above = Math.max(1, above);
    const [low, high] = [values[above - 1] as number, values[above] as number];
    return above - 1 + (value - low) / (high - low);
  };
  return {
    kind: 'bands',
    domain: [values[0] as number, values[last] as number],
    range,
    values,
    edges: Array.from({ length: values.length + 1 }, (_, i) => from + i * width),
    position: (value) => from + (place(value) + 0.5) * width,
    invert(coordinate) {
      const index = Math.floor((coordinate - from) / width);
      return values[Math.min(last, Math.max(0, index))] as number;
    },
    ticks: (count) => bandTicks(values, count).map((at) => ({ at, label: numberMarkup(at) })),
  };
}

/** The first and last value and evenly picked ones between. */
function bandTicks(values: readonly number[], count: number): number[] {
  const last = values.length - 1;
  if (last < count) return [...values];
  const step = Math.ceil(last / Math.max(1, count - 1));
  const picked: number[] = [];
  for (let i = 0; i < last - step / 2; i += step) picked.push(values[i] as number);
  return [...picked, values[last] as number];
}

/**
 * A continuous axis with a cell around each listed value: its edges are the midpoints between neighbours.
 *
 * @param values rising
 */
export function cellScale(values: readonly number[], range: readonly [number, number]): Scale {
  const [first, last] = [values[0] as number, values.at(-1) as number];
  const gap = (a: number, b: number) => ((values[b] as number) - (values[a] as number)) / 2;
  const [before, after] =
    values.length > 1 ? [gap(0, 1), gap(values.length - 2, values.length - 1)] : [0.5, 0.5];
  const base = linearScale([first - before, last + after], range);
  const cuts = values.slice(1).map((value, i) => (value + (values[i] as number)) / 2);
  return { ...base, values, edges: [first - before, ...cuts, last + after].map(base.position) };
}

/** The index of the cell or band at a coordinate; -1 outside. */
export function cellAt({ edges = [] }: Scale, coordinate: number): number {
  for (let i = 0; i + 1 < edges.length; i++) {
    const [a, b] = [edges[i] as number, edges[i + 1] as number];
    if (coordinate >= Math.min(a, b) && coordinate < Math.max(a, b)) return i;
  }
  return -1;
}

/** Limits with a little air, for curves; `null`, NaN and infinities count for nothing. */
export function extentOf(
  values: Iterable<number | null | undefined>,
  options: { isLog?: boolean; air?: number } = {},
): [number, number] {
  const { isLog = false, air = 0.04 } = options;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value) || (isLog && value <= 0)) continue;
    const shown = isLog ? Math.log10(value) : value;
    low = Math.min(low, shown);
    high = Math.max(high, shown);
  }
  if (low > high) [low, high] = isLog ? [0, 1] : [0, 1];
  const margin = high > low ? (high - low) * air : isLog ? 0.5 : Math.abs(high) * 0.1 || 0.5;
  return isLog ? [10 ** (low - margin), 10 ** (high + margin)] : [low - margin, high + margin];
}
