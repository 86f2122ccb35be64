/** The rows against neural-tangents: the same network, the same images, both sides in turn. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNumbers } from '../images.mjs';
import { interleaved, several } from '../timing.mjs';
import { architectureOf, imagesOf, sizes, Tile, variances } from './tiles.mjs';

/**
 * Largest difference of two results of one network, over their largest entry: that both compute the same thing. Their
 * relu keeps half of its digits where two images are nearly one.
 */
const agreement = { f64: 1e-6, f32: 1e-2 };

/** `fcn-erf-f64[-kernel|-test-train]`, `cnn-flatten-relu-f32`. */
function partsOf(id) {
  const [, family, activation, precision, rest] = /^(fcn|cnn-flatten|cnn-gap)-(\w+)-(f\d\d)-?(.*)$/.exec(id);
  return { family, activation, precision, isKernel: rest === 'kernel', isTestTrain: rest === 'test-train' };
}

/** The network of a row by its name, and its images. */
async function networkOf(bench, { family, activation, isKernel, isTestTrain }) {
  const size = sizes[isTestTrain ? 'test-train' : family];
  const name = `${family}-${activation}${isKernel ? '-kernel' : ''}${isTestTrain ? '-test-train' : ''}`;
  const images = await imagesOf(bench, size);
  return { name, images, architecture: architectureOf(family, activation), depth: size.depth };
}

/** What neural-tangents is asked to compile for a row. */
async function requestOf(bench, parts) {
  const { name, images, architecture, depth } = await networkOf(bench, parts);
  const { rows, cols } = images;
  const { family, activation, isKernel } = parts;
  const shapeOf = ({ count, shape, data }) =>
    family === 'fcn' ? [count, data.length / count] : [count, shape.height, shape.width, shape.channels];
  return {
    name,
    family,
    activation,
    depth,
    filterSize: architecture.filterSize,
    padding: architecture.padding,
    ...variances,
    rows: await writeNumbers(join(bench.folder, `${name}-rows.f64`), rows.data),
    shape: shapeOf(rows),
    cols: cols && (await writeNumbers(join(bench.folder, `${name}-cols.f64`), cols.data)),
    otherShape: cols && shapeOf(cols),
    readIn: !isKernel,
  };
}

/**
 * Has neural-tangents compile the networks of all rows wanted, both precisions at once: XLA takes one core for most of it,
 * and nothing is timed meanwhile.
 */
export async function prepareNetworks(bench, ids) {
  const wanted = { f64: new Map(), f32: new Map() };
  for (const id of ids) {
    const parts = partsOf(id);
    const request = await requestOf(bench, parts);
    wanted[parts.precision].set(request.name, request);
    // Pooling in f32 is compared with the faster precision.
    if (id === 'cnn-gap-relu-f32') wanted.f64.set(request.name, request);
  }
  const compile = async ([precision, requests]) => {
    if (requests.size === 0) return;
    const peer = await bench.kernelsPeer(precision);
    for (const request of requests.values()) await peer.ask({ do: 'prepare', ...request }).catch(() => {});
  };
  await Promise.all(Object.entries(wanted).map(compile));
}

async function openBoth(bench, parts, precisions) {
  const { name, images, architecture, depth } = await networkOf(bench, parts);
  const open = async (precision) => {
    const peer = await bench.kernelsPeer(precision);
    const ours = new Tile(bench, { architecture, precision, depths: [depth], ...images });
    const theirs = async () => 1000 * (await peer.ask({ do: 'run', name })).seconds;
    return [precision, { name, peer, ours, theirs }];
  };
  return Object.fromEntries(await Promise.all(precisions.map(open)));
}

/** Largest relative difference of the last results of both sides. @throws Error where they compute different things */
async function compare(bench, { name, peer, ours }, precision) {
  await peer.ask({ do: 'save', name, folder: bench.folder });
  let worst = 0;
  for (const kind of ['nngp', 'ntk']) {
    const bytes = await readFile(join(bench.folder, `${kind}.f64`));
    const theirs = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
    const own = ours.result[kind].matrix;
    let largest = 0;
    let difference = 0;
    for (let i = 0; i < theirs.length; i++) {
      largest = Math.max(largest, Math.abs(theirs[i]));
      difference = Math.max(difference, Math.abs(theirs[i] - own[i]));
    }
    worst = Math.max(worst, difference / largest);
  }
  if (worst <= agreement[precision]) return `agree to ${worst.toExponential(0)}`;
  throw new Error(`neural-tangents and we differ by ${worst.toExponential(1)} of the largest entry`);
}

/** One row in one precision. */
export async function measurePair(bench, id) {
  const parts = partsOf(id);
  const { precision, isKernel, family } = parts;
  const side = (await openBoth(bench, parts, [precision]))[precision];
  const call = isKernel ? () => side.ours.withReadIn() : () => side.ours.fromImages();
  // The first of each: pages, caches, threads.
  await call();
  await side.theirs();
  const note = await compare(bench, side, precision);
  const quick = family === 'fcn' ? several(3, call) : call;
  const { ours, theirs } = await interleaved(family === 'fcn' ? 5 : 3, { ours: quick, theirs: side.theirs });
  await side.peer.ask({ do: 'forget', name: side.name });
  return { ours, reference: theirs, note };
}

/**
 * The rows of global pooling: f64 against f64, f32 against whichever of their precisions is faster (their f32 is slow
 * enough to be run once where that settles it).
 */
export async function measurePooling(bench, ids) {
  const wantsSingle = ids.includes('cnn-gap-relu-f32');
  const sides = await openBoth(bench, partsOf('cnn-gap-relu-f64'), wantsSingle ? ['f64', 'f32'] : ['f64']);
  const results = {};
  const runs = {};
  const notes = {};
  const first = {};
  for (const [precision, side] of Object.entries(sides)) {
    await side.ours.fromImages();
    first[precision] = await side.theirs();
    notes[precision] = await compare(bench, side, precision);
    runs[`ours ${precision}`] = () => side.ours.fromImages();
  }
  const faster = wantsSingle && first.f32 < first.f64 ? 'f32' : 'f64';
  const needed = new Set([...(ids.includes('cnn-gap-relu-f64') ? ['f64'] : []), faster]);
  for (const precision of needed) runs[`theirs ${precision}`] = sides[precision].theirs;
  const times = await interleaved(3, runs);
  for (const { peer, name } of Object.values(sides)) await peer.ask({ do: 'forget', name });
  results['cnn-gap-relu-f64'] = {
    ours: times['ours f64'],
    reference: times['theirs f64'] ?? null,
    note: notes.f64,
  };
  if (!wantsSingle) return results;
  const seconds = (precision) =>
    `${((times[`theirs ${precision}`] ?? first[precision]) / 1000).toFixed(2)} s`;
  results['cnn-gap-relu-f32'] = {
    ours: times['ours f32'],
    reference: times[`theirs ${faster}`],
    note: `${notes.f32}; theirs: f64 ${seconds('f64')}, f32 ${seconds('f32')}`,
  };
  return results;
}
