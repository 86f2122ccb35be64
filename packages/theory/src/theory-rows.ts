import type { Activation, TheoryRow } from '@tessera/spec';
import { meanField } from './mean-field.js';

/** A theory request whose axes are expanded; a single number stands for itself. */
export interface TheoryPoints {
  activation: Activation;
  weightVariance: number | readonly number[];
  biasVariance: number | readonly number[];
}

/** The rows of `POST /v1/theory`, in grid order: weight variance by weight variance, bias variances within each. */
export function theoryRows({ activation, weightVariance, biasVariance }: TheoryPoints): TheoryRow[] {
  const weights = typeof weightVariance === 'number' ? [weightVariance] : weightVariance;
  const biases = typeof biasVariance === 'number' ? [biasVariance] : biasVariance;
  return weights.flatMap((weight) =>
    biases.map((bias) => ({
      weightVariance: weight,
      biasVariance: bias,
      ...meanField(activation, weight, bias),
    })),
  );
}
