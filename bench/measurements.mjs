/** Which measurement gives which rows: those that share a run of the same thing are taken together. */
import { measurePair, measurePooling } from './measure/against-neural-tangents.mjs';
import { measureDepths, measureRegisters, measureVariants } from './measure/against-ourselves.mjs';
import { measureEigensolver } from './measure/eigensolver.mjs';
import { measureHeatmap } from './measure/heatmap.mjs';
import { measureServices, measureTiny } from './measure/services.mjs';

/** A measurement of one row. */
const one = (id, measure) => ({
  ids: [id],
  measure: async (bench) => ({ [id]: await measure(bench, id) }),
});

const pooling = ['cnn-gap-relu-f64', 'cnn-gap-relu-f32'];
const pairs = [
  ...['erf', 'relu'].flatMap((activation) =>
    ['f64', 'f32'].flatMap((precision) => [
      `fcn-${activation}-${precision}`,
      `fcn-${activation}-${precision}-kernel`,
    ]),
  ),
  'fcn-erf-f64-test-train',
  'cnn-flatten-relu-f64',
  'cnn-flatten-relu-f32',
];

/** The rows against neural-tangents' kernels: what it compiles for them. */
export const networkRows = [...pairs, ...pooling];

/**
 * `measure` takes the rows wanted of its ids and gives each {ours, reference, note?}. What compares our own calls with one another
 * comes first: later neural-tangents' processes and a stack idle beside them.
 * @type {{ids: string[], measure: (bench: object, ids: string[]) => Promise<Record<string, object>>}[]}
 */
export const measurements = [
  one('depths-in-one-pass', measureDepths),
  ...['registers-fcn', 'registers-cnn-gap-f32', 'registers-cnn-gap-f64'].map((id) =>
    one(id, measureRegisters),
  ),
  { ids: ['cnn-gap-same-padding-f32', 'cnn-gap-erf-f32', 'cnn-gap-gelu-f32'], measure: measureVariants },
  one('eigensolver', measureEigensolver),
  ...pairs.map((id) => one(id, measurePair)),
  { ids: pooling, measure: measurePooling },
  one('heatmap', measureHeatmap),
  { ids: ['service-overhead', 'two-workers'], measure: measureServices },
  one('tiny', measureTiny),
];
