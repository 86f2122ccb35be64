/** The named limits of a plan. A spec whose plan exceeds one is refused before anything is written. */
import { type Problem, TesseraError } from '@tessera/spec';

const GiB = 2 ** 30;

export interface PlanLimits {
  /** Kernels: values of weightVariance times values of biasVariance. */
  kernels: number;
  /** Train tiles of all kernels. */
  tiles: number;
  /** Analyses (depth, kind) of all kernels. */
  analyses: number;
  /** Prediction strips of all kernels. */
  strips: number;
  /** Networks to train, of all kernels. */
  trainings: number;
  /** What a worker holds for one step of a network. */
  trainingStepBytes: number;
  /** Bytes that stay once the experiment is complete. */
  keptBytes: number;
  /** Bytes of one kernel's train tiles and solution vectors. */
  temporaryBytesPerKernel: number;
  /** Output of one train tile: all depths, kinds and arrays, in memory at once. */
  tileBytes: number;
  /** One test image against all training images, all depths and kinds: the least a strip holds at once. */
  stripRowBytes: number;
}

export const defaultPlanLimits: Readonly<PlanLimits> = Object.freeze({
  kernels: 100_000,
  tiles: 10_000_000,
  analyses: 10_000_000,
  strips: 10_000_000,
  trainings: 1_000_000,
  trainingStepBytes: GiB,
  keptBytes: 16 * 1024 * GiB,
  temporaryBytesPerKernel: 4 * 1024 * GiB,
  tileBytes: GiB,
  stripRowBytes: GiB,
});

interface LimitText {
  pointer: string;
  /** What the plan has, before "the limit is ...". */
  describe(size: string): string;
  format(size: number): string;
}

const count = (size: number): string => size.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** Bytes for people, in powers of 1,024: 59.6 GiB. */
export function bytesText(size: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let unit = 0;
  let value = size;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toLocaleString('en-US', { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit]}`;
}

const limitTexts: Record<keyof PlanLimits, LimitText> = {
  kernels: {
    pointer: '/grid',
    describe: (size) => `the grid has ${size} kernels (weightVariance x biasVariance)`,
    format: count,
  },
  tiles: { pointer: '/tileSize', describe: (size) => `the plan has ${size} train tiles`, format: count },
  analyses: {
    pointer: '/grid',
    describe: (size) => `the plan has ${size} analyses (kernels x depths x kinds)`,
    format: count,
  },
  strips: {
    pointer: '/dataset/test',
    describe: (size) => `the plan has ${size} prediction strips`,
    format: count,
  },
  trainings: {
    pointer: '/training',
    describe: (size) => `the plan has ${size} networks to train (kernels x depths x seeds)`,
    format: count,
  },
  trainingStepBytes: {
    pointer: '/training',
    describe: (size) => `one step of a network holds ${size} (width, depth and batch)`,
    format: bytesText,
  },
  keptBytes: { pointer: '/keep', describe: (size) => `the experiment would keep ${size}`, format: bytesText },
  temporaryBytesPerKernel: {
    pointer: '/dataset/train',
    describe: (size) => `one kernel needs ${size} of temporary storage`,
    format: bytesText,
  },
  tileBytes: {
    pointer: '/tileSize',
    describe: (size) => `one tile with all its depths holds ${size}`,
    format: bytesText,
  },
  stripRowBytes: {
    pointer: '/grid/depth',
    describe: (size) => `one test image against all training images at all depths holds ${size}`,
    format: bytesText,
  },
};

/**
 * Throws `plan-too-large` when a size exceeds its limit or there are `others`; the message and the problems (one for
 * each exceeded limit, with the pointer of the field to change) give the plan's size and the limit.
 */
export function checkLimits(
  sizes: PlanLimits,
  limits: Readonly<PlanLimits>,
  others: readonly Problem[] = [],
): void {
  const problems: Problem[] = [];
  for (const name of Object.keys(limitTexts) as (keyof PlanLimits)[]) {
    if (sizes[name] <= limits[name]) continue;
    const { pointer, describe, format } = limitTexts[name];
    problems.push({
      pointer,
      message: `${describe(format(sizes[name]))}; the limit is ${format(limits[name])}`,
    });
  }
  refusePlan([...problems, ...others]);
}

/** Throws `plan-too-large` where there are problems. */
export function refusePlan(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const sentences = problems.map(({ message }) => message).join('; ');
  throw new TesseraError('plan-too-large', `The plan is too large: ${sentences}.`, { problems });
}

/**
 * What is wrong with a plan that needs more bytes than the store has free; null where it fits.
 * @param freeBytes null where the store cannot tell
 * @param promisedBytes what other experiments are still to write
 */
export function diskProblem(
  { bytes }: { bytes: { kept: number; temporary: number } },
  freeBytes: number | null,
  promisedBytes = 0,
): Problem | null {
  const needed = bytes.kept + bytes.temporary;
  if (freeBytes === null || needed + promisedBytes <= freeBytes) return null;
  const message =
    `the experiment needs ${bytesText(needed)} (${bytesText(bytes.kept)} kept, ${bytesText(bytes.temporary)} ` +
    `temporary), and the store has ${bytesText(freeBytes)} free` +
    (promisedBytes > 0 ? `, of which others are still to write ${bytesText(promisedBytes)}` : '');
  return { pointer: bytes.kept + promisedBytes > freeBytes ? '/keep' : '/dataset/train', message };
}
