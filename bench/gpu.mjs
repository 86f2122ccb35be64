/**
 * `npm run bench -- gpu [--json FILE]`: the OpenCL engine on the first device, beside neural-tangents' published 2.70 ms an entry
 * (a 21-layer 3 x 3 ReLU network with pooling on a V100, fp32), and beside what the device itself can do: multiply-adds, bytes moved, and the same layers on registers alone, all measured in the same run.
 * A device that is a CPU gets a small version of the same networks, so that the command can be tried anywhere.
 */
import { join } from 'node:path';
import { openOpenclEngine } from '@tessera/engine-opencl';
import { listDevices, measureLimits } from '@tessera/engine-opencl/bench';
import { root } from '../scripts/bootstrap/run.mjs';
import { median } from './timing.mjs';

const PUBLISHED_MS = 2.7;
const RUNS = 5;

/** Networks: the published one, flattened, and fully connected; `small` where the device is a CPU. */
const networks = [
  {
    id: 'gpu-cnn-gap-relu',
    family: 'cnn-gap',
    layers: 21,
    shape: { height: 32, width: 32, channels: 3 },
    images: 32,
    small: { layers: 3, shape: { height: 16, width: 16, channels: 3 }, images: 3 },
    published: PUBLISHED_MS,
  },
  {
    id: 'gpu-cnn-flatten-relu',
    family: 'cnn-flatten',
    layers: 21,
    shape: { height: 32, width: 32, channels: 3 },
    images: 256,
    small: { layers: 3, shape: { height: 16, width: 16, channels: 3 }, images: 16 },
  },
  {
    id: 'gpu-fcn-relu',
    family: 'fcn',
    layers: 50,
    shape: { inputs: 64 },
    images: 4096,
    small: { images: 300, layers: 20 },
  },
];

/** @param {(line: string) => void} log takes what has been measured so far */
export async function runGpuBench(log) {
  const [device] = listDevices();
  if (device === undefined) throw new Error('There is no OpenCL device on this machine.');
  const isSmall = device.type === 'cpu';
  const rows = [];
  for (const precision of device.precisions) {
    const { limits } = await measureLimits({ name: 'relu' }, precision);
    log(
      `limits in ${precision}: ${(limits.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s, ${(limits.bytesPerSecond / 1e9).toFixed(0)} GB/s, ${(limits.hostBytesPerSecond / 1e9).toFixed(1)} GB/s to the host`,
    );
    for (const network of networks) {
      const row = await measureNetwork(
        { ...network, ...(isSmall ? network.small : {}) },
        precision,
        limits,
        isSmall,
      );
      rows.push(row);
      log(`${row.id}: ${row.entryMs.toPrecision(3)} ms an entry`);
    }
  }
  return { device, isSmall, date: new Date().toISOString(), rows };
}

async function measureNetwork({ id, family, layers, shape, images, published }, precision, limits, isSmall) {
  // Tuning compiles every candidate: not worth it for small networks.
  const engine = openOpenclEngine(isSmall ? {} : { cacheDir: join(root, '.cache/opencl') });
  const task = taskOf(family, layers, shape, images, precision);
  try {
    let result = await engine.computeTile(task);
    const times = [];
    for (let run = 0; run < RUNS; run++) {
      const started = performance.now();
      // Another key: nothing of the images is kept from the run before.
      result = await engine.computeTile(
        { ...task, rows: { ...task.rows, key: `gpu ${run}` } },
        undefined,
        result,
      );
      times.push(performance.now() - started);
    }
    const ms = median(times);
    const entries = (images * (images + 1)) / 2;
    const pixels = (shape.height ?? 1) * (shape.width ?? 1);
    // Pixel pairs that run through the layers; pooled entries have them all, an image with itself half of them.
    const pairs = family === 'cnn-gap' ? (entries - images / 2) * pixels ** 2 : entries * pixels;
    const bytes = bytesMoved(family, { layers, pixels, images, entries, precision });
    const arithmeticMs = pairs * layers * limits.secondsPerEntryLayer * 1000;
    const memoryMs = (bytes / limits.bytesPerSecond) * 1000;
    return {
      id: `${id}-${precision}${isSmall ? '-small' : ''}`,
      what: `${family}, ${layers} layers, ${images} images, ${JSON.stringify(shape)}, matrix and complement of both kinds`,
      precision,
      ms,
      entryMs: ms / entries,
      publishedEntryMs: isSmall || precision !== 'f32' ? null : (published ?? null),
      arithmeticFraction: arithmeticMs / ms,
      memoryFraction: memoryMs / ms,
      transferFraction: (1000 * resultBytes({ images, precision })) / limits.hostBytesPerSecond / ms,
      limits,
    };
  } finally {
    await engine.close();
  }
}

/** What has to be moved at least: the images' tables written and read once, and results written. */
function bytesMoved(family, { layers, pixels, images, entries, precision }) {
  const real = precision === 'f64' ? 8 : 4;
  const numbers = family === 'fcn' ? 6 : 4;
  return real * (2 * images * layers * numbers * pixels + 4 * 2 * entries);
}

/** What is brought to the host: four arrays, both triangles. */
const resultBytes = ({ images, precision }) => (precision === 'f64' ? 8 : 4) * 4 * images ** 2;

function taskOf(family, layers, shape, images, precision) {
  const size = shape.inputs ?? shape.height * shape.width * shape.channels;
  return {
    architecture: { family, activation: { name: 'relu' }, filterSize: 3, padding: 'circular' },
    weightVariance: 1.5,
    biasVariance: 0.1,
    depths: [layers],
    kernels: ['nngp', 'ntk'],
    arrays: ['matrix', 'complement'],
    precision,
    referenceVariance: 1,
    rows: {
      key: 'gpu',
      count: images,
      shape,
      data: Float64Array.from({ length: images * size }, (_, i) => 1.4 * Math.sin(i * i + 0.3 * i)),
    },
    cols: null,
  };
}

/** A line a row. */
export function gpuTable({ device, isSmall, rows }) {
  const percent = (fraction) => `${(100 * fraction).toFixed(1)}%`;
  const lines = rows.map(
    ({ id, what, ms, entryMs, publishedEntryMs, arithmeticFraction, memoryFraction, transferFraction }) => {
      const published =
        publishedEntryMs === null ? '' : `; neural-tangents on a V100: ${publishedEntryMs} ms an entry`;
      return (
        `${id}: ${ms.toPrecision(4)} ms, ${entryMs.toPrecision(3)} ms an entry${published}\n    ${what}\n` +
        `    ${percent(arithmeticFraction)} of the same layers on registers alone, ${percent(memoryFraction)} of the memory's limit, ${percent(transferFraction)} of the transfer's`
      );
    },
  );
  const name = `${device.name} (${device.platform} ${device.driver}), ${device.computeUnits} compute units`;
  const note = isSmall ? '\nThe device is a CPU: small networks, to show that the command works.' : '';
  return `${name}${note}\n\n${lines.join('\n')}`;
}
