/** Payloads of what is watched: an experiment's history, its tiles, the cluster. */
import { type Static, Type } from 'typebox';
import { type TaskState, taskTransitions, type Wave, waves } from './state.js';

const count = Type.Integer({ minimum: 0 });
const numberOrNull = Type.Union([Type.Number(), Type.Null()]);
const countOrNull = Type.Union([count, Type.Null()]);
const textOrNull = Type.Union([Type.String(), Type.Null()]);
const time = Type.String({ format: 'date-time' });
const wave = Type.Unsafe<Wave>({ type: 'string', enum: [...waves] });
const waveOrNull = Type.Unsafe<Wave | null>({ enum: [...waves, null] });
const taskState = Type.Unsafe<TaskState>({ type: 'string', enum: Object.keys(taskTransitions) });

export const logEntrySchema = Type.Object({
  id: count,
  at: time,
  kind: Type.String({
    description: 'A state of the experiment, kernel- and a state, task-again or task-failed.',
  }),
  kernel: countOrNull,
  wave: waveOrNull,
  task: countOrNull,
  worker: textOrNull,
  message: textOrNull,
});
export type LogEntry = Static<typeof logEntrySchema>;

export const experimentHistorySchema = Type.Object({
  log: Type.Array(logEntrySchema, { description: 'Newest first; about the last 2,000 are kept.' }),
  samples: Type.Array(
    Type.Object({ at: time, tiles: count, analyses: count, strips: count, trainings: count }),
    {
      description: 'What was done at a moment, every few seconds; sparser the older.',
    },
  ),
  failures: Type.Array(
    Type.Object({
      cause: Type.String({ description: 'The message without its numbers.' }),
      example: Type.String(),
      wave,
      failed: count,
      retrying: count,
      workers: Type.Array(Type.String()),
      places: Type.Array(Type.Object({ kernel: count, task: count })),
    }),
    { description: 'Tasks that failed or were tried again and are not done, by cause.' },
  ),
});
export type ExperimentHistory = Static<typeof experimentHistorySchema>;

export const tileDetailSchema = Type.Object({
  kernel: count,
  tile: count,
  weightVariance: Type.Number(),
  biasVariance: Type.Number(),
  row: count,
  col: count,
  rows: Type.Object({ start: count, count }),
  cols: Type.Object({ start: count, count }),
  kernelState: Type.String(),
  task: Type.Union(
    [
      Type.Object({
        state: taskState,
        generation: count,
        attempts: count,
        expiries: count,
        workerId: textOrNull,
        engine: textOrNull,
        device: textOrNull,
        fingerprint: textOrNull,
        milliseconds: numberOrNull,
        bytes: numberOrNull,
        leasedUntil: Type.Union([time, Type.Null()]),
        lastError: textOrNull,
        pieces: Type.Unsafe<Record<string, { key: string; checksum: string }> | null>({}),
      }),
      Type.Null(),
    ],
    { description: 'null: the kernel has not started, or is done and its tasks are summed up.' },
  ),
  summary: Type.Unsafe<Record<string, unknown> | null>({
    description: 'Of a kernel that is done: tasks, milliseconds, bytes and engines of each wave.',
  }),
  log: Type.Array(logEntrySchema),
});
export type TileDetail = Static<typeof tileDetailSchema>;

export const clusterSchema = Type.Object({
  version: Type.String(),
  workers: Type.Array(
    Type.Object({
      id: Type.String(),
      role: Type.Enum(['worker', 'aggregator']),
      engine: Type.String(),
      device: Type.String(),
      fingerprint: Type.String(),
      version: Type.String(),
      slots: count,
      startedAt: time,
      secondsSilent: Type.Number(),
      tasksPerSecond: numberOrNull,
      precisions: Type.Union([Type.Array(Type.String()), Type.Null()], {
        description: 'Of its engine; null for aggregators.',
      }),
      memoryBytes: Type.Union([Type.Number(), Type.Null()], {
        description: "Of its device's own memory what tiles may take; null where they take the host's.",
      }),
      speed: Type.Union([Type.Number(), Type.Null()], {
        description: 'Pair-layers of a fully connected network a second, measured when it started.',
      }),
      leases: count,
    }),
  ),
  experiments: Type.Record(Type.String(), count),
  tasks: Type.Array(Type.Object({ wave: Type.String(), state: Type.String(), count })),
  queues: Type.Unsafe<Record<string, { waiting: number; active: number }> | null>({
    description: 'Deliveries by queue; null while the queue does not answer.',
  }),
  oldestQueuedSeconds: numberOrNull,
  leases: Type.Object({ held: count, soonestEndSeconds: numberOrNull }),
  store: Type.Object({ freeBytes: numberOrNull, keptBytes: Type.Number() }),
  database: Type.Object({
    bytes: Type.Number(),
    connections: Type.Object({ used: count, limit: count }),
  }),
});
export type Cluster = Static<typeof clusterSchema>;

/** The JSON part of the answer of `/v1/experiments/{id}/tiles`. */
export interface TileMapHeader {
  cursor: string;
  kernelCount: number;
  /** Tiles on a side of a kernel; tiles on or above the diagonal are numbered row by row. */
  blocks: number;
  tileSize: number;
  trainCount: number;
  weightVariance: number[];
  biasVariance: number[];
  /** [index, state, wave, wave total, wave done] of the kernels that changed. */
  kernels: [number, string, Wave, number, number][];
  workers: string[];
  /** [kernel, number of records] in the order they follow. */
  tiles: [number, number][];
  next: string | null;
}
