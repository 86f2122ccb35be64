/** Filled specs for the tests: the paper's heatmap job, with parts replaced. */
import type { ExperimentSpec } from '@tessera/spec';
import type { PlanCounts } from '../src/index.js';

export const heatmapDepths = [...Array(10).keys(), ...Array.from({ length: 20 }, (_, i) => 10 + 5 * i)];

export function heatmapSpec(parts: Partial<ExperimentSpec> = {}): ExperimentSpec {
  return {
    name: 'erf, CIFAR-10, trainability and generalization',
    dataset: {
      id: 'cifar10',
      train: 256,
      test: 10_000,
      seed: null,
      normalization: 'standardize',
      labels: 'centered',
    },
    architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
    grid: { weightVariance: { from: 0.5, to: 3, count: 40 }, biasVariance: [0.18], depth: heatmapDepths },
    kernels: ['ntk', 'nngp'],
    precision: 'f64',
    tileSize: 'auto',
    analysis: {
      spectrum: 'full',
      regression: null,
      dynamics: { times: [1, 8, 64, 512, 4096], learningRate: 'max' },
    },
    keep: { kernels: 'none', predictions: false },
    numerics: 'pinned',
    priority: 5,
    ...parts,
  };
}

export const cifarCounts: PlanCounts = {
  train: 256,
  test: 10_000,
  classes: 10,
  shape: { height: 32, width: 32, channels: 3 },
};
