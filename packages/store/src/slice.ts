/** Slices of an experiment's arrays as C-order bytes, streamed in bounded memory. */
import { TesseraError } from '@tessera/spec';
import { type ArrayDescription, findArray } from './arrays.js';
import { ChunkReader, gridPlaces, product } from './chunk-grid.js';
import type { ExperimentLayout } from './experiment-layout.js';
import { bytesOf, itemBytes, missingFloats, type NumberType } from './number-bytes.js';
import { resolveSelection, type Selection, type SliceBox } from './slice-selection.js';
import type { TileStore } from './tile-store.js';

export interface Slice {
  dtype: NumberType;
  shape: number[];
  byteLength: number;
  /** The values, little endian, row-major. May be called more than once. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Bytes of the pieces a slice is streamed in; a piece and one chunk are in memory at a time. */
export const slicePieceBytes = 16 * 2 ** 20;

/**
 * Opens a part of an array. Every chunk is verified as it is read (`corrupt-chunk` from the stream); chunks that are
 * not there yet read NaN, so the caller decides first whether the part is complete.
 * Throws `not-kept` and `not-found` as `findArray`, `invalid-request` for a selection that does not fit.
 */
export function readSlice(
  store: TileStore,
  layout: ExperimentLayout,
  name: string,
  selection: Selection,
  options: { pieceBytes?: number } = {},
): Slice {
  const array = findArray(layout, name);
  const { dtype } = array;
  if (dtype === 'string') {
    throw new TesseraError(
      'invalid-request',
      `${name} holds text; only arrays of numbers are read this way.`,
    );
  }
  const box = resolveSelection(array, selection);
  return {
    dtype,
    shape: box.shape,
    byteLength: product(box.extent) * itemBytes[dtype],
    stream: () =>
      streamBox(new ChunkReader(store, layout.id, array), array, box, options.pieceBytes ?? slicePieceBytes),
  };
}

/**
 * Cuts the box into pieces that are contiguous in C order: leading dimensions one index at a time, one dimension in
 * runs, the rest whole. Where a run is shorter than a chunk, the chunk is read once a run: time for memory.
 */
async function* streamBox(
  reader: ChunkReader,
  array: ArrayDescription,
  box: SliceBox,
  pieceBytes: number,
): AsyncGenerator<Uint8Array> {
  if (product(box.extent) === 0) return;
  const item = itemBytes[array.dtype as NumberType];
  const rank = box.extent.length;
  // The outermost dimension whose rows, of `rowBytes` each, fit a piece.
  let axis = rank - 1;
  let rowBytes = item;
  while (axis > 0 && rowBytes * (box.extent[axis] as number) <= pieceBytes) {
    rowBytes *= box.extent[axis] as number;
    axis -= 1;
  }
  const start = box.start[axis] as number;
  const stop = start + (box.extent[axis] as number);
  const run = runLength(Math.max(1, Math.floor(pieceBytes / rowBytes)), array.chunkShape[axis] as number);
  const leading = box.start.slice(0, axis);
  const last = leading.map((first, dimension) => first + (box.extent[dimension] as number) - 1);
  for (const place of gridPlaces(leading, last)) {
    for (let from = start, to = 0; from < stop; from = to) {
      to = Math.min(stop, run(from));
      yield await readBox(reader, array, {
        start: [...place, from, ...box.start.slice(axis + 1)],
        extent: [...place.map(() => 1), to - from, ...box.extent.slice(axis + 1)],
      });
    }
  }
}

/** Where the run that begins at a position ends: at most `rows` further, and at a chunk's edge where one is passed. */
function runLength(rows: number, chunkSide: number): (from: number) => number {
  if (rows < chunkSide)
    return (from) => Math.min(from + rows, (Math.floor(from / chunkSide) + 1) * chunkSide);
  return (from) => (Math.floor(from / chunkSide) + Math.floor(rows / chunkSide)) * chunkSide;
}

type Box = Pick<SliceBox, 'start' | 'extent'>;

/** One box, in memory. */
async function readBox(reader: ChunkReader, array: ArrayDescription, box: Box): Promise<Uint8Array> {
  const dtype = array.dtype as NumberType;
  const count = product(box.extent);
  const target = dtype === '<i4' ? new Uint8Array(count * 4) : bytesOf(missingFloats(count, dtype));
  const side = (axis: number) => array.chunkShape[axis] as number;
  const first = box.start.map((start, axis) => Math.floor(start / side(axis)));
  const last = box.start.map((start, axis) =>
    Math.floor((start + (box.extent[axis] as number) - 1) / side(axis)),
  );
  for (const place of gridPlaces(first, last)) {
    const chunk = await reader.read(place);
    if (chunk !== null) {
      const chunkStart = place.map((position, axis) => position * side(axis));
      copyOverlap(target, box, chunk, { start: chunkStart, extent: [...array.chunkShape] }, itemBytes[dtype]);
    } else if (dtype === '<i4') {
      throw new TesseraError('not-found', `A chunk of ${array.name} is absent, and integers have no NaN.`);
    }
  }
  return target;
}

/** Copies what two boxes of one array share, both stored row-major. */
function copyOverlap(
  target: Uint8Array,
  targetBox: Box,
  source: Uint8Array,
  sourceBox: Box,
  item: number,
): void {
  const rank = targetBox.start.length;
  const from = targetBox.start.map((start, axis) => Math.max(start, sourceBox.start[axis] as number));
  const stop = targetBox.start.map((start, axis) =>
    Math.min(
      start + (targetBox.extent[axis] as number),
      (sourceBox.start[axis] as number) + (sourceBox.extent[axis] as number),
    ),
  );
  // Trailing dimensions that both boxes hold whole are one run of bytes with the dimension before them.
  let runAxis = rank - 1;
  const spans = (axis: number, box: Box) =>
    (stop[axis] as number) - (from[axis] as number) === box.extent[axis];
  while (runAxis > 0 && spans(runAxis, targetBox) && spans(runAxis, sourceBox)) runAxis -= 1;
  const runBytes = from
    .slice(runAxis)
    .reduce((bytes, start, offset) => bytes * ((stop[runAxis + offset] as number) - start), item);
  const offset = (box: Box, place: readonly number[]) =>
    item *
    box.extent.reduce(
      (index, extent, axis) =>
        index * extent + ((place[axis] ?? from[axis]) as number) - (box.start[axis] as number),
      0,
    );
  const lastPlace = stop.slice(0, runAxis).map((end) => end - 1);
  for (const place of gridPlaces(from.slice(0, runAxis), lastPlace)) {
    const sourceOffset = offset(sourceBox, place);
    target.set(source.subarray(sourceOffset, sourceOffset + runBytes), offset(targetBox, place));
  }
}
