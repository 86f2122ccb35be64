import { type Activation, abilityOf } from '@tessera/spec';
import type { Engine } from './engine.js';

/** One of every activation. */
const activations: readonly Activation[] = [
  { name: 'identity' },
  { name: 'relu' },
  { name: 'leaky-relu', alpha: 0.1 },
  { name: 'abs' },
  { name: 'abrelu', a: -0.3, b: 0.8 },
  { name: 'erf' },
  { name: 'gelu' },
  { name: 'sin', a: 1, b: 1, c: 0 },
  { name: 'rbf', gamma: 1 },
  { name: 'tanh' },
];

/** Everything an engine computes, as words that experiments are compared with (`abilityOf`). */
export function abilitiesOf(engine: Pick<Engine, 'info' | 'supports'>): string[] {
  const words = new Set<string>();
  for (const family of ['fcn', 'cnn-flatten', 'cnn-gap'] as const) {
    for (const padding of ['circular', 'same'] as const) {
      for (const activation of activations) {
        if (engine.supports({ family, padding, activation, filterSize: 3 }) !== null) continue;
        for (const precision of engine.info.precisions)
          words.add(abilityOf(precision, { family, padding, activation }));
      }
    }
  }
  return [...words];
}
