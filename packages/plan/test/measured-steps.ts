/**
 * The quickest of six steps of networks on TensorFlow.js' WebAssembly 4.22, ms, on one core (AMD EPYC, Zen 4, 2 cores, otherwise idle).
 * Image sides are pixels of three channels; `inputs` where the images are vectors. Ten outputs, filters of 3.
 */
import type { Family } from '@tessera/spec';

export const measuredSteps: {
  family: Family;
  width: number;
  depth: number;
  batch: number;
  of: { side: number } | { inputs: number };
  ms: number;
}[] = [
  { family: 'fcn', width: 64, depth: 1, batch: 32, of: { inputs: 3072 }, ms: 1.84 },
  { family: 'fcn', width: 256, depth: 4, batch: 32, of: { inputs: 3072 }, ms: 9.88 },
  { family: 'fcn', width: 512, depth: 8, batch: 128, of: { inputs: 3072 }, ms: 89.2 },
  { family: 'fcn', width: 512, depth: 32, batch: 128, of: { inputs: 3072 }, ms: 298 },
  { family: 'fcn', width: 1024, depth: 2, batch: 8, of: { inputs: 3072 }, ms: 28.9 },
  { family: 'fcn', width: 256, depth: 4, batch: 512, of: { inputs: 3072 }, ms: 73.1 },
  { family: 'fcn', width: 128, depth: 1, batch: 8, of: { inputs: 64 }, ms: 0.25 },
  { family: 'cnn-flatten', width: 32, depth: 1, batch: 16, of: { side: 4 }, ms: 3.16 },
  { family: 'cnn-flatten', width: 128, depth: 2, batch: 20, of: { side: 4 }, ms: 29.3 },
  { family: 'cnn-gap', width: 128, depth: 2, batch: 20, of: { side: 4 }, ms: 29.8 },
  { family: 'cnn-flatten', width: 32, depth: 2, batch: 16, of: { side: 16 }, ms: 73.4 },
  { family: 'cnn-flatten', width: 64, depth: 2, batch: 32, of: { side: 32 }, ms: 1802 },
  { family: 'cnn-gap', width: 64, depth: 4, batch: 16, of: { side: 32 }, ms: 1787 },
  { family: 'cnn-flatten', width: 16, depth: 4, batch: 32, of: { side: 32 }, ms: 737 },
  { family: 'cnn-gap', width: 128, depth: 1, batch: 8, of: { side: 32 }, ms: 606 },
];
