/**
 * Rates of the native engine on one core: nanoseconds per entry-layer (fcn), pixel-layer (cnn-flatten) and
 * pixel-pair-layer (cnn-gap), K and Theta together, best of a few runs. `node packages/engine-native/bench.mjs [isa]`
 */
import { openNativeEngine } from '@tessera/engine-native';

const instructionSet = process.argv[2];
const engine = openNativeEngine(instructionSet === undefined ? {} : { instructionSet });

function images(key, count, shape) {
  const size = shape.inputs ?? shape.height * shape.width * shape.channels;
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 3.46;
  };
  return { key, count, shape, data: Float64Array.from({ length: count * size }, next) };
}

async function best(task, repetitions) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await engine.computeTile(task);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const cifar = { height: 32, width: 32, channels: 3 };
const activations = [
  { name: 'erf' },
  { name: 'relu' },
  { name: 'gelu' },
  { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
  { name: 'rbf', gamma: 0.8 },
  { name: 'identity' },
  { name: 'tanh' },
];
const shapes = {
  fcn: { count: 256, other: 256, layers: 100, elements: 1, repetitions: 5 },
  'cnn-flatten': { count: 32, other: 32, layers: 10, elements: 1024, repetitions: 5 },
  'cnn-gap': { count: 1, other: 1, layers: 10, elements: 1024 * 1024, repetitions: 5 },
};

console.log(`${engine.info.instructionSet}, one core`);
for (const [family, { count, other, layers, elements, repetitions }] of Object.entries(shapes)) {
  for (const padding of family === 'fcn' ? ['circular'] : ['circular', 'same']) {
    const row = [];
    for (const activation of activations) {
      const architecture = { family, activation, filterSize: 3, padding };
      if (engine.supports(architecture) !== null) continue;
      const rows = images(`${family} rows`, count, cifar);
      const cols = images(`${family} cols`, other, cifar);
      for (const precision of ['f64', 'f32']) {
        const numbers = {
          weightVariance: 1.5,
          biasVariance: 0.1,
          depths: [layers],
          kernels: ['nngp', 'ntk'],
        };
        const task = { architecture, ...numbers, precision, rows, cols };
        const ms = await best(task, activation.name === 'tanh' ? 1 : repetitions);
        row.push(
          `${activation.name} ${precision} ${((ms * 1e6) / (count * other * layers * elements)).toFixed(2)}`,
        );
      }
    }
    console.log(`${family} ${family === 'fcn' ? '' : padding}: ${row.join(', ')}`);
  }
}

const rows = images('gram', 512, cifar);
const gramTask = {
  architecture: { family: 'fcn', activation: { name: 'identity' }, filterSize: 3, padding: 'circular' },
};
const started = performance.now();
await engine.computeTile({
  ...gramTask,
  weightVariance: 1,
  biasVariance: 0,
  depths: [0],
  kernels: ['nngp'],
  precision: 'f64',
  rows,
  cols: null,
});
const seconds = (performance.now() - started) / 1000;
console.log(
  `read-in of 512 images: ${(seconds * 1000).toFixed(0)} ms, ${((512 * 513 * 3072) / seconds / 1e9).toFixed(1)} GF/s`,
);
await engine.close();
