/**
 * Rates of the native engine on one core, K, Delta and Theta together, best of many short runs: nanoseconds per
 * entry-layer (fcn, with and without equal variances, beside the same arithmetic on registers alone), pixel-layer
 * (cnn-flatten) and pixel-pair-layer (cnn-gap); then read-ins, and a whole call from bytes to matrices.
 * `node packages/engine-native/bench.mjs [isa]`
 */
import { openNativeEngine } from '@tessera/engine-native';
import { openMachine, readIn, registerRate, runFcn } from '@tessera/engine-native/bench';

const instructionSet = process.argv[2];
const options = instructionSet === undefined ? {} : { instructionSet };
const machine = openMachine(options);
const engine = openNativeEngine({ ...options, cacheBytes: 0 });
let state = 12345;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const sizeOf = ({ inputs, height, width, channels }) => inputs ?? height * width * channels;
const images = (key, count, shape) => ({
  key,
  count,
  shape,
  data: Float64Array.from({ length: count * sizeOf(shape) }, () => (random() - 0.5) * 3.46),
});
const byteImages = (count, shape, normalization) => ({
  key: 'bytes',
  count,
  shape,
  bytes: { pixels: Uint8Array.from({ length: count * sizeOf(shape) }, () => random() * 256), normalization },
});

/** The least milliseconds of a call, over at least `repetitions` and half a second. */
async function best(call, repetitions = 5) {
  let least = Number.POSITIVE_INFINITY;
  const begun = performance.now();
  for (let i = 0; i < repetitions || (i < 200 && performance.now() - begun < 500); i++) {
    const start = performance.now();
    await call();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const numbers = { weightVariance: 1.5, biasVariance: 0.1, referenceVariance: 1 };
const wanted = { kernels: ['nngp', 'ntk'], arrays: ['matrix', 'complement'] };
const fcn = (activation) => ({ family: 'fcn', activation, filterSize: 3, padding: 'circular' });
const activations = [
  { name: 'erf' },
  { name: 'relu' },
  { name: 'gelu' },
  { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
  { name: 'rbf', gamma: 0.8 },
  { name: 'identity' },
  { name: 'tanh' },
];

console.log(`${engine.info.instructionSet}, one core, ns per entry and layer`);
const count = 256;
const layers = 20;
for (const level of [false, true]) {
  const variance = () => Float64Array.from({ length: count }, () => (level ? 1 : 0.8 + 0.4 * random()));
  const given = {
    complement: Float64Array.from({ length: count * count }, () => 0.7 + 0.3 * random()),
    rowVariance: variance(),
    colVariance: variance(),
  };
  const block = { count, shape: { inputs: 1 }, data: new Float64Array(count) };
  for (const activation of activations) {
    const row = [];
    for (const precision of ['f64', 'f32']) {
      const task = {
        architecture: fcn(activation),
        ...numbers,
        ...wanted,
        depths: [activation.name === 'tanh' ? 2 : layers],
        precision,
        rows: { key: 'a', ...block },
        cols: { key: 'b', ...block },
      };
      const result = await engine.computeTile(task);
      const ms = await best(() => runFcn(machine, task, given, result));
      let registers = Number.POSITIVE_INFINITY;
      for (let i = 0; activation.name !== 'tanh' && i < 50; i++) {
        const run = { activation, precision, ...numbers, level, theta: true };
        registers = Math.min(registers, await registerRate(machine, run, 20_000));
      }
      const rate = (ms * 1e6) / (count * count * task.depths[0]);
      const alone = Number.isFinite(registers) ? ` (registers ${registers.toFixed(2)})` : '';
      row.push(`${precision} ${rate.toFixed(2)}${alone}`);
    }
    console.log(`  fcn ${activation.name}${level ? ', equal variances' : ''}: ${row.join(', ')}`);
  }
}

const cifar = { height: 32, width: 32, channels: 3 };
const shapes = {
  'cnn-flatten': { images: 32, elements: 1024 },
  'cnn-gap': { images: 1, elements: 1024 * 1024 },
};
for (const [family, { images: side, elements }] of Object.entries(shapes)) {
  for (const padding of ['circular', 'same']) {
    const row = [];
    for (const activation of activations) {
      const architecture = { family, activation, filterSize: 3, padding };
      if (engine.supports(architecture) !== null) continue;
      const blocks = { rows: images('rows', side, cifar), cols: images('cols', side, cifar) };
      for (const precision of ['f64', 'f32']) {
        const task = { architecture, ...numbers, ...wanted, depths: [10], precision, ...blocks };
        const ms = await best(() => engine.computeTile(task), 3);
        row.push(
          `${activation.name} ${precision} ${((ms * 1e6) / (side * side * 10 * elements)).toFixed(2)}`,
        );
      }
    }
    console.log(`  ${family} ${padding}: ${row.join(', ')}`);
  }
}

const large = 1000;
const rules = { shared: { kind: 'shared', offset: 120, factor: 1 / 64 }, own: { kind: 'own' } };
const readIns = { numbers: images('numbers', 256, cifar) };
for (const [name, rule] of Object.entries(rules)) readIns[`bytes, ${name}`] = byteImages(large, cifar, rule);
for (const [name, rows] of Object.entries(readIns)) {
  for (const threads of [1, 2]) {
    const ms = await best(() => readIn(openMachine({ ...options, threads }), rows, null));
    console.log(`read-in of ${rows.count} images (${name}), threads ${threads}: ${ms.toFixed(1)} ms`);
  }
}
const both = openNativeEngine({ ...options, threads: 2, cacheBytes: 0 });
const pair = openMachine({ ...options, threads: 2 });
for (const name of ['erf', 'relu']) {
  for (const precision of ['f64', 'f32']) {
    const rows = readIns['bytes, shared'];
    for (const arrays of [['matrix'], ['matrix', 'complement']]) {
      const task = {
        architecture: fcn({ name }),
        ...numbers,
        ...wanted,
        arrays,
        depths: [20],
        precision,
        rows,
        cols: null,
      };
      const given = await readIn(pair, rows, null);
      const result = await both.computeTile(task);
      const whole = await best(() => both.computeTile(task));
      const kernel = await best(() => runFcn(pair, task, given, result));
      console.log(
        `${name} ${precision} ${arrays.join(' and ')}, ${large} images, 20 layers, two threads: ` +
          `bytes to fresh matrices ${whole.toFixed(1)} ms, kernel alone ${kernel.toFixed(1)} ms`,
      );
    }
  }
}
await engine.close();
await both.close();
