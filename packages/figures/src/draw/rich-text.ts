/** Text with indices: `σ_w^2`, `λ_{max}`, `10^{-7}`, as runs of text above and below the line. */
import { plainWidth } from './glyph-widths.js';

export interface Run {
  text: string;
  /** Of the text's size. */
  scale: number;
  /** Upwards, in sizes of the text. */
  rise: number;
  /** Before the run, in sizes of the text: an exponent over an index steps back by the index' width. */
  shift: number;
}

const indexScale = 0.72;
const exponentRise = 0.42;
const indexRise = -0.2;

/** `_x`, `^x` take one character, `_{..}`, `^{..}` a group; an exponent right after an index stands over it. */
export function parseRuns(markup: string): Run[] {
  const runs: Run[] = [];
  const token = /([_^])(?:\{([^}]*)\}|(.))|([^_^]+)/gu;
  let indexWidth = 0;
  for (const [, mark, group, single, plain] of markup.matchAll(token)) {
    if (mark === undefined) {
      runs.push({ text: plain as string, scale: 1, rise: 0, shift: 0 });
      indexWidth = 0;
      continue;
    }
    const text = (group ?? single ?? '').replaceAll('-', '−');
    const isIndex = mark === '_';
    runs.push({
      text,
      scale: indexScale,
      rise: isIndex ? indexRise : exponentRise,
      shift: isIndex ? 0 : -indexWidth,
    });
    indexWidth = isIndex ? plainWidth(text) * indexScale : 0;
  }
  return runs;
}

/** The width of a markup text of size 1. */
export function textWidth(markup: string): number {
  let end = 0;
  let widest = 0;
  for (const { text, scale, shift } of parseRuns(markup)) {
    end += shift + plainWidth(text) * scale;
    widest = Math.max(widest, end);
  }
  return widest;
}

/** The markup as a reader without indices gets it: σ_w², λ_max, 10^−7. */
export function plainText(markup: string): string {
  return markup
    .replace(/\^\{?2\}?(?![0-9])/g, '²')
    .replace(/[{}]/g, '')
    .replace(/\^-/g, '^−');
}
