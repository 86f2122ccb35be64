import type { DoneTask, Piece } from '@tessera/database';
import { encodeShard, readShardChunk, type TileStore } from '@tessera/store';
import { pieceOf } from './damage.js';

/** What an analysis leaves for the strips and the finish: its eigenvalues and solution vectors. */
export interface AnalysisVectors {
  /** Ascending, m of them; NaN where there is no spectrum. */
  eigenvalues: Float64Array;
  /** m x columns, row-major: everything of a prediction that needs no test image. */
  solutions: Float64Array;
}

/** Writes the vectors of one analysis task: one chunk an analysis, in the task's order. */
export async function writeAnalysisPiece(
  store: TileStore,
  key: string,
  analyses: readonly AnalysisVectors[],
): Promise<{ piece: Piece; bytes: number }> {
  const shard = encodeShard(
    analyses.map(({ eigenvalues, solutions }) => {
      const chunk = new Float64Array(eigenvalues.length + solutions.length);
      chunk.set(eigenvalues);
      chunk.set(solutions, eigenvalues.length);
      return new Uint8Array(chunk.buffer);
    }),
  );
  await store.put(key, shard.parts, { durable: false });
  return { piece: { key, checksum: shard.checksum }, bytes: shard.bytes };
}

/**
 * Reads one analysis' vectors.
 * @param size m, the number of training images
 * @throws TesseraError corrupt-chunk, not-found
 */
export async function readAnalysisPiece(
  store: TileStore,
  task: Pick<DoneTask, 'index' | 'pieces'>,
  place: { position: number; count: number; size: number; columns: number },
): Promise<AnalysisVectors> {
  const piece = pieceOf(task, 'vectors');
  const { position, count, size, columns } = place;
  const bytes = await readShardChunk(store, piece.key, position, count, (size + size * columns) * 8);
  const chunk = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { eigenvalues: chunk.subarray(0, size), solutions: chunk.subarray(size) };
}
