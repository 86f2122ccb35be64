/** The cells of a map that the depth scales run through. */
import { type PhaseMap, rowPosition } from './phase-map.js';

export type Mark = 'xi1' | 'xiStar';

/** marks[row][column]; 8 xi_1 is a solid line, 8 xi_* is dashed. */
export function theoryMarks(map: PhaseMap): (Mark | null)[][] {
  const marks = map.depths.map(() => map.weightVariances.map<Mark | null>(() => null));
  const put = (row: number, column: number, mark: Mark) => {
    const line = marks[row];
    if (line !== undefined) line[column] = mark;
  };
  for (const [row, column] of linePath(map, map.xi1Depths)) put(row, column, 'xi1');
  const dashed = linePath(map, map.xiStarDepths).filter((_, i) => i % 3 !== 2);
  for (const [row, column] of dashed) put(row, column, 'xiStar');
  return marks;
}

/** The cells of a curve in order, joined upwards and downwards between neighbouring columns. */
function linePath(map: PhaseMap, depths: readonly (number | null)[]): [row: number, column: number][] {
  const path: [number, number][] = [];
  let previous: number | null = null;
  for (const [column, depth] of depths.entries()) {
    if (depth === null) {
      previous = null;
      continue;
    }
    const row = Math.round(rowPosition(map.depths, depth));
    const from: number = previous === null ? row : row > previous ? previous + 1 : previous - 1;
    const rows = Array.from({ length: Math.abs(row - from) + 1 }, (_, i) => from + Math.sign(row - from) * i);
    if (row === previous) path.push([row, column]);
    else for (const between of rows) path.push([between, column]);
    previous = row;
  }
  return path.filter(([row]) => row >= 0 && row < map.depths.length);
}
