/** How several panels share a figure: beside each other where the text is small to the width, else below. */
import type { Frame } from './scene.js';
import type { Theme } from './theme.js';

export interface PanelBoxes {
  boxes: Frame[];
  height: number;
  columns: number;
}

/**
 * @param panelHeight of one panel of a width, axes included; divided among the rows where `height` is given
 * @param narrowest the least width of a panel, in sizes of the text
 */
export function panelBoxes(
  count: number,
  size: { width: number; height?: number | undefined },
  theme: Theme,
  panelHeight: (width: number) => number,
  narrowest = 25,
): PanelBoxes {
  const most = Math.max(1, Math.floor(size.width / (theme.size * narrowest)));
  const rows = Math.max(1, Math.ceil(count / most));
  const columns = Math.max(1, Math.ceil(count / rows));
  const gap = theme.size * 0.8;
  const width = (size.width - gap * (columns - 1)) / columns;
  const each = size.height === undefined ? panelHeight(width) : (size.height - gap * (rows - 1)) / rows;
  const boxes = Array.from({ length: count }, (_, i) => ({
    x: (i % columns) * (width + gap),
    y: Math.floor(i / columns) * (each + gap),
    width,
    height: each,
  }));
  return { boxes, height: rows * each + (rows - 1) * gap, columns };
}
