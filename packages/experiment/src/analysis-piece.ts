import type { DoneTask, Piece } from '@tessera/database';
import { encodeShard, pieceWrite, readShardChunk, type TileStore } from '@tessera/store';
import { pieceOf } from './damage.js';

/** What an analysis leaves for the finish and the strips. */
export interface AnalysisVectors {
  /** Ascending, as many as the spec asks for; NaN where there is no spectrum. */
  eigenvalues: Float64Array;
  /** An encoded StripPredictor: everything of a prediction that needs no test image. */
  predictor: Float64Array;
}

/** Writes the vectors of one analysis task: one chunk an analysis, in the task's order. */
export async function writeAnalysisPiece(
  store: TileStore,
  key: string,
  analyses: readonly AnalysisVectors[],
): Promise<{ piece: Piece; bytes: number }> {
  const shard = encodeShard(
    analyses.map(({ eigenvalues, predictor }) => {
      const chunk = new Float64Array(eigenvalues.length + predictor.length);
      chunk.set(eigenvalues);
      chunk.set(predictor, eigenvalues.length);
      return new Uint8Array(chunk.buffer);
    }),
  );
  await store.put(key, shard.parts, pieceWrite);
  return { piece: { key, checksum: shard.checksum }, bytes: shard.bytes };
}

/**
 * Reads one analysis' vectors.
 * @param lengths of the two vectors
 * @throws TesseraError corrupt-chunk, not-found
 */
export async function readAnalysisPiece(
  store: TileStore,
  task: Pick<DoneTask, 'index' | 'pieces'>,
  place: { position: number; count: number },
  lengths: { eigenvalues: number; predictor: number },
): Promise<AnalysisVectors> {
  const piece = pieceOf(task, 'vectors');
  const { position, count } = place;
  const { eigenvalues, predictor } = lengths;
  const bytes = await readShardChunk(store, piece.key, position, count, (eigenvalues + predictor) * 8);
  const chunk = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { eigenvalues: chunk.subarray(0, eigenvalues), predictor: chunk.subarray(eigenvalues) };
}
