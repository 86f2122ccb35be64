/** The bytes of a `.npy` answer: its length is known and its first bytes are verified before any is sent. */
import { Readable } from 'node:stream';
import {
  type ArrayDescription,
  type ExperimentLayout,
  npyHeader,
  readSlice,
  type Selection,
  type TileStore,
} from '@tessera/store';

export interface NpyBody {
  byteLength: number;
  /** Reads the first piece, so that damage found there is still a problem and not a cut connection. */
  open(): Promise<Readable>;
}

export function npyBody(
  store: TileStore,
  layout: ExperimentLayout,
  array: ArrayDescription,
  selection: Selection,
): NpyBody {
  const { dtype, shape, byteLength, stream } =
    array.dtype === 'string'
      ? kernelNames(layout, selection)
      : readSlice(store, layout, array.name, selection);
  const header = npyHeader(dtype, shape);
  return {
    byteLength: header.byteLength + byteLength,
    async open() {
      const pieces = stream()[Symbol.asyncIterator]();
      const first = await pieces.next();
      return Readable.from(
        (async function* () {
          yield header;
          for (let piece = first; !piece.done; piece = await pieces.next())
            yield Buffer.from(piece.value.buffer, piece.value.byteOffset, piece.value.byteLength);
        })(),
        { objectMode: false },
      );
    },
  };
}

/** numpy's type of the one array of text, the coordinate `kernel`. */
export const kernelNameType = '<U4';

/** The names of the kernels as numpy stores text: four characters of four bytes each, padded with zeros. */
function kernelNames({ axes }: ExperimentLayout, selection: Selection) {
  const choice = selection.kernel;
  const range = typeof choice === 'number' ? { start: choice, stop: choice + 1 } : choice;
  const names = range ? axes.kernels.slice(range.start, range.stop) : axes.kernels;
  const bytes = Buffer.alloc(16 * names.length);
  names.forEach((name, position) => {
    for (const [place, character] of [...name].entries())
      bytes.writeUInt32LE(character.charCodeAt(0), 16 * position + 4 * place);
  });
  return {
    dtype: kernelNameType,
    shape: typeof choice === 'number' ? [] : [names.length],
    byteLength: bytes.byteLength,
    async *stream() {
      if (bytes.byteLength > 0) yield bytes;
    },
  };
}
