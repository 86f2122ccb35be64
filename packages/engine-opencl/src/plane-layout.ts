/** How the planes of an image network lie on a device: cells of work-items, room in local memory, numbers of tables. */
import type { TileTask } from '@tessera/engine';
import { TesseraError } from '@tessera/spec';
import type { DeviceInfo } from './devices.js';
import { kindOfActivation, parameterCounts } from './network-numbers.js';
import { type ProgramChoice, realBytes, wideBytes } from './programs.js';
import type { Shapes } from './shapes.js';

/** Planes of the reference's pairs that are filtered together. */
const REFERENCE_PLANES = 4;
const MOST_STRIP = 8;

export interface PlaneLayout {
  height: number;
  width: number;
  channels: number;
  pixels: number;
  filter: number;
  circular: boolean;
  pooled: boolean;
  /** Pooling under zero padding: differences from the reference's pairs. */
  differenced: boolean;
  /** Items of a group, and planes of pairs that it takes together. */
  items: number;
  together: number;
  /** Planes go through global memory: one does not fit the local one. */
  isGlobal: boolean;
  choice: ProgramChoice;
  /** Of a pair: delta, Delta and, where a depth of the task needs it carried, Theta (cnn-pairs.cl). */
  planes: 2 | 3;
  /** Numbers of one image, of the reference's pixels and of one displacement of its pairs, layer by layer. */
  layerNumbers: number;
  referenceNumbers: number;
  pairNumbers: number;
}

export function planeLayout(
  info: DeviceInfo,
  task: TileTask,
  shape: Shapes['cnn'],
  carriesTheta: boolean,
): PlaneLayout {
  const { shape: image } = task.rows;
  if ('inputs' in image) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
  const { family, padding, filterSize, activation } = task.architecture;
  const { height, width, channels } = image;
  const pixels = height * width;
  const pooled = family === 'cnn-gap';
  const circular = padding === 'circular';
  const differenced = pooled && !circular;
  const kind = kindOfActivation(activation);
  const { own, differences, references, levelSlopes } = parameterCounts[kind];

  const planes = carriesTheta ? 3 : 2;
  let strip = shape.strip;
  const cellsOf = (rows: number) => Math.ceil(height / rows) * width;
  while (strip < MOST_STRIP && cellsOf(strip) > shape.items) strip *= 2;
  const cells = cellsOf(strip);
  const cellsEach = nextPower(cells / Math.min(cells, shape.items));

  const planeBytes = planes * pixels * realBytes(task.precision) + planes * width * wideBytes(info);
  const imageBytes = (REFERENCE_PLANES * pixels + 2 * width) * wideBytes(info);
  const isGlobal = Math.max(planeBytes, imageBytes) > info.localBytes;
  const fitting = isGlobal ? Number.POSITIVE_INFINITY : Math.floor(info.localBytes / planeBytes);
  const together = Math.max(1, Math.min(Math.floor(shape.items / cells), fitting));
  return {
    height,
    width,
    channels,
    pixels,
    filter: filterSize,
    circular,
    pooled,
    differenced,
    items: shape.items,
    together,
    isGlobal,
    choice: {
      of: 'cnn',
      activation: kind,
      precision: task.precision,
      registers: shape.registers,
      sizes: {
        STRIP: strip,
        CELLS: cellsEach,
        ...(pixels >= shape.unrolledFrom
          ? { UNROLLED: 1, HEIGHT: height, WIDTH: width, FILTER: filterSize, CIRCULAR: Number(circular) }
          : { UNROLLED: 0 }),
        CARRIED: Number(carriesTheta),
        DIFFERENCED: Number(differenced),
        STAGE_GLOBAL: Number(isGlobal),
      },
    },
    planes,
    layerNumbers: own + (levelSlopes ? 2 : 4) + (differenced ? differences : 0),
    referenceNumbers: own + 3,
    pairNumbers: references + 2,
  };
}

const nextPower = (value: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(value)));

/**
 * (dy, dx, planes it stands for) of the displacements that stand for all of them, s = 0 first: planes of (a, b) displaced by -s are
 * those of (b, a) displaced by s.
 */
export function displacementsOf({ height, width, pooled }: PlaneLayout): Int32Array {
  if (!pooled) return Int32Array.of(0, 0, 1);
  const list: number[] = [];
  for (let dy = 0; dy < height; dy++) {
    for (let dx = 0; dx < width; dx++) {
      const mirrored = ((height - dy) % height) * width + ((width - dx) % width);
      const own = dy * width + dx;
      if (own <= mirrored) list.push(dy, dx, own === mirrored ? 1 : 2);
    }
  }
  return Int32Array.from(list);
}
