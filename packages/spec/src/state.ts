/** The states of experiments and tasks, and the one table of legal transitions. */

export const experimentTransitions = {
  queued: ['running', 'cancelling', 'failed'],
  running: ['completed', 'failed', 'cancelling'],
  cancelling: ['cancelled'],
  completed: [],
  failed: ['queued'],
  cancelled: ['queued'],
} as const satisfies Record<string, readonly string[]>;
export type ExperimentState = keyof typeof experimentTransitions;
export const experimentStates = Object.keys(experimentTransitions) as ExperimentState[];
export const terminalStates = ['completed', 'failed', 'cancelled'] as const satisfies ExperimentState[];

/** A task is one unit of queued work: a train tile, a batch of analyses, a strip, a network to train, or a finish. */
export const taskTransitions = {
  pending: ['leased', 'failed'],
  leased: ['done', 'failed', 'pending'],
  done: ['pending', 'failed'],
  failed: ['pending'],
} as const satisfies Record<string, readonly string[]>;
export type TaskState = keyof typeof taskTransitions;

/**
 * The waves of a kernel's work, in order. `train` computes the tiles of the train-train matrices; `training` trains networks
 * of finite width.
 */
export const waves = ['train', 'analysis', 'strip', 'training', 'finish'] as const;
export type Wave = (typeof waves)[number];

/** Which queue carries which wave: workers compute tiles and strips and train networks, LAPACK does the rest. */
export const queueWaves = {
  tiles: ['train', 'strip', 'training'],
  analyses: ['analysis', 'finish'],
} as const satisfies Record<string, readonly Wave[]>;

/** True when `to` may follow `from`. */
export function isLegalTransition(from: ExperimentState, to: ExperimentState): boolean {
  return (experimentTransitions[from] as readonly string[]).includes(to);
}
