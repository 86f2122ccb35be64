/** The colours of cells: by state, by worker, by milliseconds. */
import { type CellKind, cellKinds, type Level } from './tile-world.js';

export const colourings = ['state', 'worker', 'milliseconds'] as const;
export type Colouring = (typeof colourings)[number];
export type Rgb = readonly [number, number, number];

export interface Palette {
  surface: Rgb;
  waiting: Rgb;
  pending: Rgb;
  leased: Rgb;
  done: Rgb;
  failed: Rgb;
  ink: string;
  muted: string;
  line: string;
  accent: string;
}

/** The page's own tokens, as they are at this moment. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const text = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const rgb = (name: string): Rgb => {
    // The build writes #fff for #ffffff.
    const short = text(name).slice(1);
    const number = Number.parseInt(short.length === 3 ? short.replace(/./g, '$&$&') : short, 16);
    return [number >> 16, (number >> 8) & 255, number & 255];
  };
  return {
    surface: rgb('surface'),
    waiting: rgb('line'),
    pending: rgb('pending'),
    leased: rgb('leased'),
    done: rgb('done'),
    failed: rgb('failed'),
    ink: text('ink'),
    muted: text('muted'),
    line: text('line'),
    accent: text('accent'),
  };
}

/** Okabe and Ito's, without those that states have; workers beyond seven share them. */
export const workerColours: readonly Rgb[] = [
  [86, 180, 233],
  [230, 159, 0],
  [204, 121, 167],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [140, 108, 80],
];

/** Cividis at nine even steps: dark is quick, bright is slow. */
const cividis: readonly Rgb[] = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [254, 232, 56],
];

export function cividisAt(share: number): Rgb {
  const at = Math.min(0.9999, Math.max(0, share)) * (cividis.length - 1);
  const low = Math.floor(at);
  return mix(cividis[low] as Rgb, cividis[low + 1] as Rgb, at - low);
}

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** The colour of a texel; null where there is no tile. */
export function colourOf(
  level: Level,
  at: number,
  colouring: Colouring,
  palette: Palette,
  slowest: number,
): Rgb | null {
  const kind = cellKinds[level.kind[at] as number] as CellKind;
  if (kind === 'none') return null;
  if (kind === 'failed') return palette.failed;
  if (colouring === 'worker') {
    const worker = level.worker[at] as number;
    if (worker >= 0) return workerColours[worker % workerColours.length] as Rgb;
  } else if (colouring === 'milliseconds') {
    const milliseconds = level.milliseconds[at] as number;
    if (milliseconds > 0) return cividisAt(Math.log(milliseconds) / Math.log(Math.max(2, slowest)));
  } else {
    if (kind === 'leased') return palette.leased;
    const base = kind === 'waiting' ? palette.waiting : palette.pending;
    const done = (level.done[at] as number) / 255;
    return done === 1 ? palette.done : mix(base, palette.done, done);
  }
  return kind === 'waiting' ? palette.waiting : palette.pending;
}
