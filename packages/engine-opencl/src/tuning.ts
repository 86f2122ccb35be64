/** Work-group shapes tuned to a device: the fastest of a few, found once for each device, driver and state of the kernels, and kept. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageBlock, TileTask } from '@tessera/engine';
import type { DeviceInfo } from './devices.js';
import { kernelHash } from './programs.js';
import { defaultShapes, type Shapes } from './shapes.js';

const FILE = 'opencl-shapes.json';
/** Of `fcn_pairs`: what its registers leave room for, of any activation and precision, on the cards there are (65,536 a compute unit). */
const MOST_ITEMS = 256;
/** Each candidate runs once to be compiled and to warm up, then so often. */
const RUNS = 3;

/** Milliseconds of a tile computed with these shapes. */
export type Measure = (task: TileTask, shapes: Shapes) => Promise<number>;

/** The shapes kept in a folder for a device, or found by `measure` and kept there. */
export async function tunedShapes(info: DeviceInfo, folder: string, measure: Measure): Promise<Shapes> {
  const identity = [info.name, info.vendor, info.platform, info.driver, kernelHash];
  const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const known = (await readKept(folder))[key];
  if (known !== undefined) return known;
  const start = defaultShapes(info);
  const fcn = await fastest(fcnTask(), fcnCandidates(info), (shape) => ({ ...start, fcn: shape }), measure);
  const cnn = await fastest(cnnTask(), cnnCandidates(info), (shape) => ({ ...start, cnn: shape }), measure);
  const shapes = { fcn, cnn };
  await keep(folder, key, shapes);
  return shapes;
}

function fcnCandidates(info: DeviceInfo): Shapes['fcn'][] {
  const { fcn } = defaultShapes(info);
  const candidates = [
    fcn,
    { ...fcn, rowsEach: 1 },
    { ...fcn, rowsEach: 4 },
    { cols: 2 * fcn.cols, rows: Math.max(1, fcn.rows / 2), rowsEach: fcn.rowsEach },
    { cols: fcn.cols, rows: 2 * fcn.rows, rowsEach: fcn.rowsEach },
  ];
  return candidates.filter(({ cols, rows }) => cols * rows <= Math.min(MOST_ITEMS, info.workGroupItems));
}

function cnnCandidates(info: DeviceInfo): Shapes['cnn'][] {
  const { cnn } = defaultShapes(info);
  const shapes = [
    { items: cnn.items, strip: cnn.strip },
    { items: 2 * cnn.items, strip: cnn.strip },
    { items: cnn.items / 2, strip: 2 * cnn.strip },
  ];
  return shapes.filter(({ items }) => items <= info.workGroupItems).map((shape) => ({ ...cnn, ...shape }));
}

async function fastest<Shape>(
  task: TileTask,
  candidates: Shape[],
  shapesWith: (shape: Shape) => Shapes,
  measure: Measure,
): Promise<Shape> {
  let best = { shape: candidates[0] as Shape, ms: Number.POSITIVE_INFINITY };
  for (const shape of candidates) {
    const shapes = shapesWith(shape);
    await measure(task, shapes);
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) times.push(await measure(task, shapes));
    const ms = Math.min(...times);
    if (ms < best.ms) best = { shape, ms };
  }
  return best.shape;
}

async function readKept(folder: string): Promise<Record<string, Shapes>> {
  try {
    return JSON.parse(await readFile(join(folder, FILE), 'utf8')) as Record<string, Shapes>;
  } catch (error) {
    // Not there yet, or cut off by a full disk: it can be found again.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Whole or not at all; of two processes that write at once one finds its shapes again another time. */
async function keep(folder: string, key: string, shapes: Shapes): Promise<void> {
  const temporary = join(folder, `${FILE}.${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    const all = { ...(await readKept(folder)), [key]: shapes };
    await writeFile(temporary, `${JSON.stringify(all, null, 2)}\n`);
    await rename(temporary, join(folder, FILE));
  } catch (error) {
    // A folder that cannot be written to costs the next process its own search, no tile.
    if (!unwritable.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const unwritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/** Images like any others: the work does not depend on what they show. */
function images(count: number, shape: ImageBlock['shape'], size: number): ImageBlock {
  const data = Float64Array.from({ length: count * size }, (_, i) => Math.sin(i * i + 0.5));
  return { key: `tuning ${count} ${size}`, count, shape, data };
}

const taskOf = (family: 'fcn' | 'cnn-gap', rows: ImageBlock, depth: number): TileTask => ({
  architecture: { family, activation: { name: 'relu' }, filterSize: 3, padding: 'circular' },
  weightVariance: 1.5,
  biasVariance: 0.1,
  depths: [depth],
  kernels: ['nngp', 'ntk'],
  arrays: ['matrix', 'complement'],
  precision: 'f32',
  referenceVariance: 0.5,
  rows,
  cols: null,
});
const fcnTask = (): TileTask => taskOf('fcn', images(1024, { inputs: 16 }, 16), 50);
const cnnTask = (): TileTask =>
  taskOf('cnn-gap', images(8, { height: 32, width: 32, channels: 3 }, 3072), 12);
