/** Small tiles of every kernel on Oclgrind's simulator; `oclgrind.test.ts` runs it and reads what the simulator says. */
import { openOpenclEngine } from '../dist/index.js';
import { loadOpencl } from '../dist/opencl.js';

const [library] = process.argv.slice(2);
// The simulator is not safe to be called from several threads at once, as OpenCL has to be, and takes what lies at a released
// buffer's address for uninitialized.
const opencl = loadOpencl(library);
const { call } = opencl;
opencl.call = (name, ...args) => {
  if (name !== 'clReleaseMemObject') call(name, ...args);
};
opencl.callAsync = async (name, ...args) => call(name, ...args);
const numbers = (length) => Float64Array.from({ length }, (_, i) => Math.sin(i * i + i));
const block = (count, shape, size) => ({
  key: `${count} ${size}`,
  count,
  shape,
  data: numbers(count * size),
});
const vectors = block(3, { inputs: 5 }, 5);
const images = block(2, { height: 3, width: 4, channels: 1 }, 12);
const bytes = (kind) => ({
  ...vectors,
  key: kind,
  bytes: {
    pixels: Uint8Array.from({ length: 15 }, (_, i) => (i * 97) % 256),
    normalization: kind === 'own' ? { kind } : { kind, offset: 120.5, factor: 1 / 64 },
  },
});
const task = (family, activation, more) => ({
  architecture: { family, activation: { name: activation, gamma: 0.8 }, filterSize: 3, padding: 'circular' },
  weightVariance: 1.4,
  biasVariance: 0.1,
  depths: [1, 0],
  kernels: ['nngp', 'ntk'],
  arrays: ['matrix', 'complement'],
  precision: 'f32',
  referenceVariance: 0.5,
  rows: family === 'fcn' ? vectors : images,
  cols: null,
  ...more,
});
const same = (given) => ({ ...given, architecture: { ...given.architecture, padding: 'same' } });

// Groups so small that an item holds several pixels, and some have none; then groups of several planes, through global memory.
const cnn = { items: 8, strip: 1, unrolledFrom: 1000, registers: 0 };
const shapes = { fcn: { cols: 4, rows: 2, rowsEach: 2 }, cnn };
const narrow = { localBytes: 400, shapes: { ...shapes, cnn: { ...cnn, items: 26 } } };
const unrolled = { shapes: { ...shapes, cnn: { ...cnn, strip: 2, unrolledFrom: 1 } } };
const runs = [
  [task('fcn', 'erf', { rows: block(34, { inputs: 3 }, 3), depths: [1] })],
  [task('fcn', 'relu', { rows: bytes('own') })],
  [task('fcn', 'relu', { rows: bytes('shared') })],
  [task('fcn', 'tanh', { rows: block(1, { inputs: 3 }, 3), depths: [1] })],
  [task('cnn-flatten', 'relu')],
  [task('cnn-gap', 'relu')],
  [same(task('cnn-gap', 'relu'))],
  [task('cnn-gap', 'rbf'), narrow],
  [same(task('cnn-gap', 'rbf')), narrow],
  [task('cnn-gap', 'relu'), unrolled],
  [same(task('cnn-gap', 'rbf')), unrolled],
];
for (const [tile, more] of runs) {
  const engine = openOpenclEngine({ library, memoryBytes: 2 ** 26, shapes, ...more });
  await engine.computeTile(tile);
  await engine.close();
}
console.log('done');
