/** What an engine can compute, as one word a workload: workers announce theirs, an experiment needs one. */
import type { ActivationName } from './activation.js';
import type { Family, Padding, Precision } from './experiment-spec.js';

interface Workload {
  family: Family;
  activation: { name: ActivationName };
  padding: Padding;
}

/**
 * What an experiment needs that trains networks beside: said only by workers that know the wave, so that those of a version
 * before leave all of it alone.
 */
export const withTraining = (ability: string): string => `${ability} training`;

/** `f64 fcn erf`, `f32 cnn-gap relu same`: padding means nothing to vectors. */
export function abilityOf(precision: Precision, { family, activation, padding }: Workload): string {
  return [precision, family, activation.name, ...(family === 'fcn' ? [] : [padding])].join(' ');
}
