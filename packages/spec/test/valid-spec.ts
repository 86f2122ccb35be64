import type { ExperimentSpecInput } from '../src/index.js';

/** The smallest spec that is valid; tests break it in one place. */
export function smallestSpec(): ExperimentSpecInput {
  return {
    name: 'smallest',
    dataset: { id: 'cifar10', train: 4 },
    architecture: { family: 'fcn', activation: { name: 'erf' } },
    grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [0, 1] },
  };
}

/** The smallest spec with the value at a JSON pointer replaced; undefined takes the field out. */
export function specWith(...changes: [pointer: string, value: unknown][]): unknown {
  const spec = structuredClone(smallestSpec()) as unknown as Record<string, unknown>;
  for (const [pointer, value] of changes) {
    const keys = pointer.split('/').slice(1);
    const last = keys.pop() as string;
    let target = spec;
    for (const key of keys) {
      target[key] ??= {};
      target = target[key] as Record<string, unknown>;
    }
    if (value === undefined) delete target[last];
    else Object.defineProperty(target, last, { value, enumerable: true, configurable: true, writable: true });
  }
  return spec;
}
