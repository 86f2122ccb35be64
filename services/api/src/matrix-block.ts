/** A block of a kept kernel matrix at a resolution: what a heat map on a screen shows of it. */
import { setImmediate } from 'node:timers/promises';
import { TesseraError } from '@tessera/spec';
import {
  type ArrayDescription,
  type ExperimentLayout,
  type PositionRange,
  readSlice,
  type TileStore,
} from '@tessera/store';

/** The most that one answer may read of the store. */
export const mostBlockBytes = 2 ** 30;
/** The most cells on a side of an answer. */
export const mostBlockSide = 1024;

export interface MatrixSide {
  /** Positions in `order`. */
  range: PositionRange;
  /** Cells of the answer along this side, at most the range's length. */
  cells: number;
  /** For each position the image's place in the stored array; null: as stored. */
  order: Int32Array | null;
}

export interface MatrixBlockRequest {
  /** An array of (weight_variance, bias_variance, depth, rows, columns). */
  array: ArrayDescription;
  /** Indices of the three. */
  place: readonly [number, number, number];
  rows: MatrixSide;
  columns: MatrixSide;
  /** Of the entries that a cell stands for: their mean, or the middle one. */
  reduce: 'mean' | 'nearest';
}

/**
 * Reads the chunks that the block touches, each once and verified, and reduces them cell by cell; one chunk is in
 * memory at a time.
 *
 * @returns rows.cells x columns.cells, row-major; NaN where an entry is
 * @throws TesseraError `invalid-request` where more than `mostBlockBytes` would be read, `corrupt-chunk`
 */
export async function readMatrixBlock(
  store: TileStore,
  layout: ExperimentLayout,
  request: MatrixBlockRequest,
  signal: AbortSignal,
): Promise<Float64Array> {
  const { array, place, rows, columns, reduce } = request;
  const [rowCount, columnCount] = array.shape.slice(3) as [number, number];
  const [chunkRows, chunkColumns] = array.chunkShape.slice(3) as [number, number];
  const rowCells = cellsOf(rows, rowCount, reduce);
  const columnCells = cellsOf(columns, columnCount, reduce);
  const rowChunks = chunksTouched(rowCells, chunkRows);
  const columnChunks = chunksTouched(columnCells, chunkColumns);
  const itemBytes = array.dtype === '<f4' ? 4 : 8;
  const bytes = rowChunks.length * columnChunks.length * chunkRows * chunkColumns * itemBytes;
  if (bytes > mostBlockBytes) {
    const share = Math.floor(Math.sqrt(mostBlockBytes / bytes) * Math.min(rowCount, columnCount));
    throw new TesseraError(
      'invalid-request',
      `This block of ${array.name} would read ${Math.round(bytes / 1e6)} MB, and at most ${Math.round(mostBlockBytes / 1e6)} are read at once: ` +
        `select fewer rows and columns with order=file, about ${share} of each.`,
    );
  }
  const sums = new Float64Array(rows.cells * columns.cells);
  const counts = new Uint32Array(sums.length);
  for (const rowChunk of rowChunks) {
    for (const columnChunk of columnChunks) {
      if (signal.aborted) throw new TesseraError('unavailable', 'The request was given up.');
      const [firstRow, firstColumn] = [rowChunk * chunkRows, columnChunk * chunkColumns];
      const [endRow, endColumn] = [
        Math.min(rowCount, firstRow + chunkRows),
        Math.min(columnCount, firstColumn + chunkColumns),
      ];
      const values = await readChunk(
        store,
        layout,
        array,
        place,
        [firstRow, endRow],
        [firstColumn, endColumn],
      );
      const width = endColumn - firstColumn;
      for (let row = firstRow; row < endRow; row++) {
        const rowCell = rowCells[row] as number;
        if (rowCell < 0) continue;
        for (let column = firstColumn; column < endColumn; column++) {
          const columnCell = columnCells[column] as number;
          if (columnCell < 0) continue;
          const cell = rowCell * columns.cells + columnCell;
          sums[cell] =
            (sums[cell] as number) + (values[(row - firstRow) * width + column - firstColumn] as number);
          counts[cell] = (counts[cell] as number) + 1;
        }
      }
      // A megabyte of entries takes milliseconds: others get their turn between.
      await setImmediate();
    }
  }
  return sums.map((sum, cell) => sum / (counts[cell] as number));
}

/** For each stored place the cell of the answer it belongs to, -1 for none. */
function cellsOf({ range, cells, order }: MatrixSide, count: number, reduce: 'mean' | 'nearest'): Int32Array {
  const result = new Int32Array(count).fill(-1);
  const length = range.stop - range.start;
  const put = (position: number, cell: number) => {
    result[order === null ? position : (order[position] as number)] = cell;
  };
  if (reduce === 'nearest') {
    for (let cell = 0; cell < cells; cell++)
      put(range.start + Math.floor(((cell + 0.5) * length) / cells), cell);
  } else {
    for (let offset = 0; offset < length; offset++)
      put(range.start + offset, Math.floor((offset * cells) / length));
  }
  return result;
}

function chunksTouched(cells: Int32Array, side: number): number[] {
  const touched = new Set<number>();
  cells.forEach((cell, place) => {
    if (cell >= 0) touched.add(Math.floor(place / side));
  });
  return [...touched];
}

async function readChunk(
  store: TileStore,
  layout: ExperimentLayout,
  array: ArrayDescription,
  [weight, bias, depth]: MatrixBlockRequest['place'],
  rows: readonly [number, number],
  columns: readonly [number, number],
): Promise<Float32Array | Float64Array> {
  const [rowDimension, columnDimension] = array.dimensions.slice(3) as [string, string];
  const slice = readSlice(store, layout, array.name, {
    weight_variance: weight,
    bias_variance: bias,
    depth,
    [rowDimension]: { start: rows[0], stop: rows[1] },
    [columnDimension]: { start: columns[0], stop: columns[1] },
  });
  const bytes = new Uint8Array(slice.byteLength);
  let at = 0;
  for await (const piece of slice.stream()) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return slice.dtype === '<f4' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}

/** Positions in ascending class, images of one class in their order. */
export function orderByClass(classes: Int32Array): Int32Array {
  return Int32Array.from(classes.keys()).sort(
    (a, b) => (classes[a] as number) - (classes[b] as number) || a - b,
  );
}
