import type { QueueBackend } from '@tessera/testkit';
import { seeded } from './seeded.js';

interface Kind {
  weight: number;
  lastsMs?: readonly [number, number];
  backend?: QueueBackend;
}

/**
 * What can happen, how often beside the others, and for how long (milliseconds, drawn between the two) where it lasts.
 * Kinds that last longer than a lease are meant to.
 */
const kinds = {
  'kill-api': { weight: 3 },
  'kill-worker': { weight: 4 },
  'kill-aggregator': { weight: 3 },
  'kill-postgres': { weight: 2 },
  'kill-redis': { weight: 2, backend: 'redis' },
  'kill-stack': { weight: 1 },
  'stop-api': { weight: 1, lastsMs: [2000, 6000] },
  'stop-worker': { weight: 2, lastsMs: [2500, 6000] },
  'stop-aggregator': { weight: 2, lastsMs: [2500, 6000] },
  'flush-queue': { weight: 3 },
  'cut-database': { weight: 3 },
  'cut-queue': { weight: 2, backend: 'redis' },
  'slow-database': { weight: 1, lastsMs: [1000, 3000] },
  'slow-queue': { weight: 1, lastsMs: [1000, 3000], backend: 'redis' },
  'half-open-database': { weight: 2 },
  'half-open-queue': { weight: 2, backend: 'redis' },
  'repeat-deliveries': { weight: 3 },
  'disk-full': { weight: 2, lastsMs: [500, 2500] },
  'write-errors': { weight: 2, lastsMs: [500, 2500] },
  'truncate-piece': { weight: 2 },
  'flip-bit': { weight: 2 },
  'delete-piece': { weight: 2 },
  'jump-clock': { weight: 2, lastsMs: [2000, 8000] },
} as const satisfies Record<string, Kind>;
export type FaultKind = keyof typeof kinds;
export const faultKinds = Object.keys(kinds) as FaultKind[];

export interface Fault {
  /** Milliseconds after the schedule's start. */
  atMs: number;
  kind: FaultKind;
  /** Which of several processes, pieces and so on, modulo their number. */
  target: number;
  /** 0 where it happens at an instant. */
  lastsMs: number;
}

/** Between two faults: short against a restart, so that they meet, and long enough that work gets done between. */
const gapMs = [100, 1900] as const;

/** The faults of a run: a function of its seed and backend. */
export function planFaults(seed: number, count: number, backend: QueueBackend): Fault[] {
  const chance = seeded(seed);
  const possible = faultKinds.filter((kind) => {
    const { backend: only = backend }: Kind = kinds[kind];
    return only === backend;
  });
  const urn = possible.flatMap((kind) => Array<FaultKind>(kinds[kind].weight).fill(kind));
  const faults: Fault[] = [];
  let atMs = 500;
  for (let index = 0; index < count; index++) {
    const kind = chance.pick(urn);
    const { lastsMs: range = [0, 0] }: Kind = kinds[kind];
    faults.push({ atMs, kind, target: chance.integer(0, 9999), lastsMs: chance.integer(...range) });
    atMs += chance.integer(...gapMs);
  }
  return faults;
}

export function describeFault({ atMs, kind, target, lastsMs }: Fault): string {
  const duration = lastsMs > 0 ? `, for ${lastsMs} ms` : '';
  return `${(atMs / 1000).toFixed(2).padStart(7)} s  ${kind} (${target}${duration})`;
}
