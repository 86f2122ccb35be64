/** Reading an array chunk by chunk: from a place in the grid of inner chunks to verified bytes. */
import { TesseraError } from '@tessera/spec';
import type { ArrayDescription } from './arrays.js';
import { readChunk } from './chunk.js';
import { chunkKey } from './experiment-layout.js';
import { itemBytes } from './number-bytes.js';
import { readVerifiedShardChunk, verifyShardIndex } from './shard.js';
import type { TileStore } from './tile-store.js';

export function product(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total * length, 1);
}

/** Every place of a grid from `first` to `last`, both included, in row-major order. The array is reused. */
export function* gridPlaces(first: readonly number[], last: readonly number[]): Generator<readonly number[]> {
  const place = [...first];
  for (;;) {
    yield place;
    let axis = place.length - 1;
    while (axis >= 0 && place[axis] === last[axis]) {
      place[axis] = first[axis] as number;
      axis -= 1;
    }
    if (axis < 0) return;
    place[axis] = (place[axis] as number) + 1;
  }
}

/** Reads inner chunks of one array; remembers which shards it has verified. */
export class ChunkReader {
  readonly #store: TileStore;
  readonly #id: string;
  readonly #array: ArrayDescription;
  readonly #chunkBytes: number;
  /** Inner chunks along each dimension of a shard. */
  readonly #perShard: readonly number[];
  readonly #isShardStored = new Map<string, boolean>();

  constructor(store: TileStore, id: string, array: ArrayDescription) {
    if (array.dtype === 'string') throw new TesseraError('internal', `${array.name} holds no numbers.`);
    this.#store = store;
    this.#id = id;
    this.#array = array;
    this.#chunkBytes = product(array.chunkShape) * itemBytes[array.dtype];
    this.#perShard = array.chunkShape.map(
      (side, axis) => ((array.shardShape ?? array.chunkShape)[axis] as number) / side,
    );
  }

  /** The raw chunk at a place of the inner chunk grid; null where nothing is stored; `corrupt-chunk` where it is wrong. */
  async read(place: readonly number[]): Promise<Buffer | null> {
    const stored = place.map((position, axis) => Math.floor(position / (this.#perShard[axis] as number)));
    const key = chunkKey(this.#id, this.#array.name, stored);
    if (this.#array.shardShape === null)
      return await absentAsNull(readChunk(this.#store, key, this.#chunkBytes));
    if (!(await this.#hasShard(key))) return null;
    const inner = place.reduce((index, position, axis) => {
      const sides = this.#perShard[axis] as number;
      return index * sides + (position % sides);
    }, 0);
    return await readVerifiedShardChunk(this.#store, key, inner, this.#chunkBytes);
  }

  async #hasShard(key: string): Promise<boolean> {
    const known = this.#isShardStored.get(key);
    if (known !== undefined) return known;
    const verified = verifyShardIndex(this.#store, key, product(this.#perShard), this.#chunkBytes);
    const isStored = (await absentAsNull(verified.then(() => true))) ?? false;
    this.#isShardStored.set(key, isStored);
    return isStored;
  }
}

async function absentAsNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'not-found') return null;
    throw error;
  }
}
