/** Lines over data and their names at their ends: no legend box. */
import { textWidth } from './rich-text.js';
import type { Color, Frame, Mark, Point, Stroke } from './scene.js';
import type { Theme } from './theme.js';

/** A line of theory: dark, with a light halo where it crosses a map. */
export function haloLine(line: readonly Point[], stroke: Stroke, halo: Color | null): Mark[] {
  const behind: Mark[] =
    halo === null
      ? []
      : [{ kind: 'path', lines: [line], stroke: { color: halo, width: stroke.width * 2.4, opacity: 0.8 } }];
  return [...behind, { kind: 'path', lines: [line], stroke }];
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Places labels within a frame so that no two lie on each other. */
export class LabelPlacer {
  readonly #frame: Frame;
  readonly #theme: Theme;
  readonly #taken: Box[] = [];
  readonly #lines: (readonly Point[])[] = [];

  constructor(frame: Frame, theme: Theme) {
    this.#frame = frame;
    this.#theme = theme;
  }

  /** Keeps labels off a line. */
  avoid(line: readonly Point[]): void {
    this.#lines.push(line);
  }

  /** A label close to a point, above it where there is room, else below; left of it where `anchor` is end. */
  at(
    [x, y]: Point,
    markup: string,
    options: { anchor?: 'start' | 'middle' | 'end'; fill: Color; halo: Color | null },
  ): Mark[] {
    const { size } = this.#theme;
    const { anchor = 'end', fill, halo } = options;
    const width = textWidth(markup) * size;
    const pad = size * 0.35;
    const { x: left, y: top, width: frameWidth, height } = this.#frame;
    const wanted = anchor === 'start' ? x : anchor === 'middle' ? x - width / 2 : x - width;
    const from = Math.min(Math.max(wanted, left + pad), left + frameWidth - width - pad);
    const clampY = (value: number) => Math.min(Math.max(value, top + size * 1.05), top + height - size * 0.4);
    const boxes = steps.map((step) => {
      const baseline = clampY(y - size * 0.5 + step * size);
      return { left: from, right: from + width, top: baseline - size * 0.85, bottom: baseline + size * 0.3 };
    });
    const free = boxes.filter((box) => !this.#taken.some((other) => isCrossing(box, other)));
    const box = free.find((one) => !this.#lines.some((line) => isLineWithin(line, one))) ?? free[0];
    if (box === undefined) return [];
    this.#taken.push(box);
    const baseline = box.bottom - size * 0.3;
    const mark: Mark = { kind: 'text', x: from, y: baseline, markup, size, fill, anchor: 'start' };
    return [halo === null ? mark : { ...mark, halo }];
  }

  /** Keeps labels off a place. */
  take(box: Box): void {
    this.#taken.push(box);
  }
}

/** Where a label is tried, in sizes of its text from above the point. */
const steps = [0, 0.5, -0.5, 1, -1, 1.6, -1.6, 2.2, -2.2, 2.8, -2.8, 3.5, -3.5, 4.5, -4.5];

const isLineWithin = (line: readonly Point[], { left, right, top, bottom }: Box) =>
  clipLine(line, { x: left, y: top, width: right - left, height: bottom - top }).length > 0;

const isCrossing = (a: Box, b: Box) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** The part of a line within a frame, cut at its edges, as the pieces that are left. */
export function clipLine(line: readonly Point[], frame: Frame): Point[][] {
  const pieces: Point[][] = [];
  let piece: Point[] = [];
  const close = () => {
    if (piece.length > 1) pieces.push(piece);
    piece = [];
  };
  for (let i = 0; i + 1 < line.length; i++) {
    const cut = clipSegment(line[i] as Point, line[i + 1] as Point, frame);
    if (cut === null) {
      close();
      continue;
    }
    const [from, to] = cut;
    const last = piece.at(-1);
    if (last === undefined || Math.hypot(last[0] - from[0], last[1] - from[1]) > 1e-6) {
      close();
      piece.push(from);
    }
    piece.push(to);
  }
  close();
  return pieces;
}

/** Liang and Barsky. */
function clipSegment(a: Point, b: Point, frame: Frame): [Point, Point] | null {
  if (![...a, ...b].every(Number.isFinite)) return null;
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  let [from, to] = [0, 1];
  for (const [step, room] of [
    [-dx, a[0] - frame.x],
    [dx, frame.x + frame.width - a[0]],
    [-dy, a[1] - frame.y],
    [dy, frame.y + frame.height - a[1]],
  ] as const) {
    if (step === 0) {
      if (room < 0) return null;
      continue;
    }
    const at = room / step;
    if (step < 0) from = Math.max(from, at);
    else to = Math.min(to, at);
  }
  if (from > to) return null;
  const point = (t: number): Point => [a[0] + t * dx, a[1] + t * dy];
  return [point(from), point(to)];
}
