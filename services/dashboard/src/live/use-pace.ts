import { type Experiment, progressOf, progressWaves } from '@tessera/spec';
import { useRef } from 'react';

/** How far back a pace looks. */
const windowMs = 15_000;

interface Seen {
  at: number;
  tiles: number;
  all: number;
}

/** Tiles, and units of every kind, a second over the last quarter of a minute, as far as this page has watched. */
export interface Pace {
  tiles: number;
  all: number;
}

/** The pace of each experiment that is given again and again. */
export function usePace(): (experiment: Experiment) => Pace | null {
  const seen = useRef(new Map<string, Seen[]>());
  return ({ id, state, progress }) => {
    if (state !== 'running') {
      seen.current.delete(id);
      return null;
    }
    const now = performance.now();
    const { tiles } = progress;
    const all = progressWaves.reduce((sum, wave) => sum + progressOf(progress, wave).done, 0);
    const list = seen.current.get(id) ?? [];
    const last = list.at(-1);
    if (!last || last.all !== all || now - last.at > 1000) list.push({ at: now, tiles: tiles.done, all });
    while (list.length > 2 && now - (list[0] as Seen).at > windowMs) list.shift();
    seen.current.set(id, list);
    const first = list[0] as Seen;
    const seconds = (now - first.at) / 1000;
    if (seconds < 1) return null;
    return { tiles: (tiles.done - first.tiles) / seconds, all: (all - first.all) / seconds };
  };
}
