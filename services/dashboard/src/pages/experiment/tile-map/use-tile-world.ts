/** Keeps a world of tiles as the server's: whole at first, then what has changed. */
import type { TileMapHeader } from '@tessera/spec';
import { useEffect, useState } from 'react';
import { api } from '../../../live/api.js';
import { TileWorld } from './tile-world.js';

/** Between two looks: while the experiment moves, and after an answer that did not come. */
const movingMs = 700;
const lostMs = 2000;

export interface LiveTiles {
  world: TileWorld | null;
  error: Error | null;
  /** Grows with each change. */
  version: number;
}

/**
 * @param isMoving whether tiles may change by themselves
 * @param state asks once more when it changes
 */
export function useTileWorld(id: string, isMoving: boolean, state: string): LiveTiles {
  const [tiles, setTiles] = useState<LiveTiles>({ world: null, error: null, version: 0 });
  const [memory] = useState(() => ({
    world: null as TileWorld | null,
    cursor: undefined as string | undefined,
  }));

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new state is a reason to look again
  useEffect(() => {
    const abort = new AbortController();
    const look = async () => {
      while (!abort.signal.aborted) {
        try {
          await readChanges(id, memory, abort.signal, (world) =>
            setTiles(({ version }) => ({ world, error: null, version: version + 1 })),
          );
          if (!isMoving) return;
          await pause(movingMs);
        } catch (error) {
          if (abort.signal.aborted) return;
          setTiles((known) => ({ ...known, error: error as Error }));
          await pause(lostMs);
        }
      }
    };
    void look();
    return () => abort.abort();
  }, [id, isMoving, state, memory]);
  return tiles;
}

async function readChanges(
  id: string,
  memory: { world: TileWorld | null; cursor: string | undefined },
  signal: AbortSignal,
  onChange: (world: TileWorld) => void,
): Promise<void> {
  let from: string | undefined;
  let cursor: string | undefined;
  do {
    const response = await api.openTiles(id, { since: memory.cursor, from, signal });
    const body = await response.arrayBuffer();
    const length = new DataView(body).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length))) as TileMapHeader;
    memory.world ??= new TileWorld(header);
    memory.world.apply(header, new DataView(body, 4 + length));
    const isChanged = header.kernels.length > 0 || header.tiles.length > 0 || memory.cursor === undefined;
    if (isChanged) onChange(memory.world);
    // The first part's: what changed while the others were read comes again.
    cursor ??= header.cursor;
    from = header.next ?? undefined;
  } while (from !== undefined);
  memory.cursor = cursor;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
