/** Colour and weight, where the terminal has them. */

/** What a stream can show; a file or a pipe shows nothing. */
export type ColorDepth = 1 | 4 | 8 | 24;

export interface OutputStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  getColorDepth?(): number;
}

/** Bits of colour of a stream: 1 where it is no terminal, is a dumb one, or NO_COLOR is set. */
export function colorDepthOf(stream: OutputStream): ColorDepth {
  // Node's getColorDepth knows NO_COLOR, FORCE_COLOR, TERM and COLORTERM.
  return stream.isTTY === true ? ((stream.getColorDepth?.() ?? 1) as ColorDepth) : 1;
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** The escape code that sets the foreground (38) or the background (48). */
export function colorCode(layer: 38 | 48, color: Rgb, depth: 8 | 24): string {
  if (depth === 24) return `\u001b[${layer};2;${color.join(';')}m`;
  const [red, green, blue] = color.map(nearestLevel) as [number, number, number];
  return `\u001b[${layer};5;${16 + 36 * red + 6 * green + blue}m`;
}

/** The six levels of each part in the colour cube of 256-colour terminals. */
const cubeLevels = [0, 95, 135, 175, 215, 255];
function nearestLevel(part: number): number {
  const distances = cubeLevels.map((level) => Math.abs(level - part));
  return distances.indexOf(Math.min(...distances));
}

export const resetCode = '\u001b[0m';

const weights = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
/** The text in a weight or colour, or as it is where the depth is 1. */
export function paint(text: string, weight: keyof typeof weights, depth: ColorDepth): string {
  return depth === 1 ? text : `\u001b[${weights[weight]}m${text}${resetCode}`;
}
