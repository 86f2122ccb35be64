import { type Database, type DoneTask, doneTasks } from '@tessera/database';
import { NotYet, type OpenedExperiment, pieceOf, sendBack } from '@tessera/experiment';
import { tileIndex } from '@tessera/plan';
import type { KernelName } from '@tessera/spec';
import {
  assembleMatrix,
  assembleVariances,
  CorruptTileError,
  type ImageVariances,
  type KernelBlock,
  kernelArrayName,
  readTiles,
  type TileStore,
  type TileView,
  variancesPiece,
} from '@tessera/store';

/**
 * The accepted train tiles of one kernel, as matrices. A tile found damaged is sent back to be computed again, and NotYet
 * thrown; so is NotYet for one that was sent back a moment ago.
 */
export class TrainTiles {
  readonly #db: Database;
  readonly #store: TileStore;
  readonly #experiment: OpenedExperiment;
  readonly #kernelIndex: number;
  readonly #tiles: ReadonlyMap<number, DoneTask>;
  /** Shards whose index was verified: the depths of one are read one after the other. */
  readonly #verified = new Set<string>();
  readonly #variances = new Map<KernelName, Promise<ImageVariances[]>>();

  private constructor(
    db: Database,
    store: TileStore,
    experiment: OpenedExperiment,
    kernelIndex: number,
    tiles: readonly DoneTask[],
  ) {
    this.#db = db;
    this.#store = store;
    this.#experiment = experiment;
    this.#kernelIndex = kernelIndex;
    this.#tiles = new Map(tiles.map((tile) => [tile.index, tile]));
  }

  static async open(
    db: Database,
    store: TileStore,
    experiment: OpenedExperiment,
    kernelIndex: number,
  ): Promise<TrainTiles> {
    const tiles = await doneTasks(db, experiment.id, kernelIndex, 'train');
    return new TrainTiles(db, store, experiment, kernelIndex, tiles);
  }

  /**
   * One depth of a kernel or of its complement, m x m.
   * @param into m * m numbers to fill; new ones otherwise
   * @param room what stored tiles are read into, `storedChunkBytes(tileChunkBytes(layout))` bytes or more
   */
  matrix(
    kind: KernelName,
    block: KernelBlock,
    depthIndex: number,
    into?: Float64Array,
    room?: Buffer,
  ): Promise<Float64Array> {
    const { layout } = this.#experiment;
    const key = this.#keyOf(kernelArrayName(kind, block));
    return this.#reading(() =>
      assembleMatrix(this.#store, layout, key, depthIndex, into, this.#verified, room),
    );
  }

  /** Calls back with every tile of one depth on and above the diagonal, one in memory at a time. */
  eachTile(
    kind: KernelName,
    block: KernelBlock,
    depthIndex: number,
    use: (tile: TileView) => Promise<void>,
  ): Promise<void> {
    const key = this.#keyOf(kernelArrayName(kind, block));
    return this.#reading(async () => {
      for await (const tile of readTiles(
        this.#store,
        this.#experiment.layout,
        key,
        depthIndex,
        this.#verified,
      ))
        await use(tile);
    });
  }

  /** The variances of the training images at one depth; read once for all of them. */
  async variances(kind: KernelName, depthIndex: number): Promise<ImageVariances> {
    const key = this.#keyOf(variancesPiece(kind));
    const rowKey = (row: number) => key(row, row);
    const reading =
      this.#variances.get(kind) ??
      this.#reading(() => assembleVariances(this.#store, this.#experiment.layout, rowKey));
    this.#variances.set(kind, reading);
    return (await reading)[depthIndex] as ImageVariances;
  }

  #keyOf(piece: string): (row: number, col: number) => string {
    return (row, col) => pieceOf(this.#tile(row, col), piece).key;
  }

  #tile(row: number, col: number): DoneTask {
    const tile = this.#tiles.get(tileIndex(this.#experiment.plan, row, col));
    if (!tile) throw new NotYet(`tile (${row}, ${col}) is not done`);
    return tile;
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CorruptTileError)) throw error;
      const { id } = this.#experiment;
      const place = { experimentId: id, kernelIndex: this.#kernelIndex, wave: 'train' } as const;
      throw await sendBack(this.#db, place, this.#tile(error.row, error.col), error);
    }
  }
}
