/** The light diagonal hatch of what is not there: never a colour of a scale. */
import type { Frame, Mark, Point } from './scene.js';
import type { Theme } from './theme.js';

/** Diagonals over a frame; what is known is drawn over them. */
export function hatchMarks({ x, y, width, height }: Frame, theme: Theme): Mark[] {
  const gap = theme.size * 0.45;
  const lines: Point[][] = [];
  for (let sum = gap; sum < width + height; sum += gap) {
    const start = Math.max(0, sum - height);
    const end = Math.min(width, sum);
    lines.push([
      [x + start, y + sum - start],
      [x + end, y + sum - end],
    ]);
  }
  return [{ kind: 'path', lines, stroke: { color: theme.hatch, width: theme.axisWidth * 0.75 } }];
}
