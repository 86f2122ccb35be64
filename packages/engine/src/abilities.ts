import { abilityOf } from '@tessera/spec';
import { activations } from './activations.js';
import type { Engine } from './engine.js';

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
