/** Rows that compare calls of our engine with one another. */
import { readFile } from 'node:fs/promises';
import { openMachine, registerRate } from '@tessera/engine-native/bench';
import { planExperiment } from '@tessera/plan';
import { parseSpec } from '@tessera/spec';
import { interleaved, several } from '../timing.mjs';
import { architectureOf, imagesOf, referenceVarianceOf, sizes, Tile, variances } from './tiles.mjs';

/** Layers of a register run: tens of milliseconds, so that its start and end do not count. */
const registerLayers = 400_000;
const heatmapFile = new URL('../../examples/heatmap-fcn.json', import.meta.url);

/** Global pooling, f32: another padding or activation against circular relu. */
export async function measureVariants(bench, ids) {
  const images = await imagesOf(bench, sizes['cnn-gap']);
  const tile = (activation, padding) =>
    new Tile(bench, {
      architecture: architectureOf('cnn-gap', activation, padding),
      precision: 'f32',
      depths: [sizes['cnn-gap'].depth],
      ...images,
    });
  const tiles = {
    reference: tile('relu', 'circular'),
    'cnn-gap-same-padding-f32': tile('relu', 'same'),
    'cnn-gap-erf-f32': tile('erf', 'circular'),
    'cnn-gap-gelu-f32': tile('gelu', 'circular'),
  };
  const wanted = Object.entries(tiles).filter(([id]) => id === 'reference' || ids.includes(id));
  for (const [, each] of wanted) await each.fromImages();
  const times = await interleaved(
    5,
    Object.fromEntries(wanted.map(([id, each]) => [id, () => each.fromImages()])),
  );
  return Object.fromEntries(ids.map((id) => [id, { ours: times[id], reference: times.reference }]));
}

/**
 * The deepest depth at which the kernel of 256 training images is analysed by its matrix, for the variances of the rows here: beyond,
 * its largest eigenvalue is more than four times the others together (packages/analysis, isGraded), and the complement is.
 */
const deepestPlain = 10;

/**
 * What examples/heatmap-fcn.json spends its time with: a block of test images against all 256 training images, of the
 * planned size, written over the block before. NTK, with what a strip contracts: the matrix at shallow depths, the complement
 * at deep ones.
 */
export async function measureDepths(bench) {
  const spec = parseSpec(JSON.parse(await readFile(heatmapFile, 'utf8')));
  const images = await bench.images();
  const { train, test } = spec.dataset;
  const subset = await images.subset({ train, test });
  const { shape, classes } = subset;
  const plan = planExperiment(spec, { train, test, classes, shape });
  const { depth } = plan.axes;
  const cols = await subset.block('train', 0, train);
  const rows = await subset.block('test', 0, plan.stripBlockRows);
  const block = (depths, arraysAt) =>
    new Tile(bench, {
      architecture: spec.architecture,
      precision: spec.precision,
      depths,
      kernels: ['ntk'],
      arrays: ['matrix', 'complement'].filter((name) => depths.some((l) => arraysAt(l).includes(name))),
      arraysRead: depths.map(arraysAt),
      rows,
      cols,
      referenceVariance: referenceVarianceOf(cols),
    });
  const deepest = [Math.max(...depth)];
  const contracted = (l) => [l <= deepestPlain ? 'matrix' : 'complement'];
  const both = () => ['matrix', 'complement'];
  const sides = {
    ours: block(depth, contracted),
    reference: block(deepest, contracted),
    both: block(depth, both),
    bothReference: block(deepest, both),
  };
  for (const side of Object.values(sides)) await side.withReadIn();
  const times = await interleaved(
    7,
    Object.fromEntries(
      Object.entries(sides).map(([name, side]) => [name, several(5, () => side.withReadIn())]),
    ),
  );
  const all = (times.bothReference / times.both).toFixed(2);
  return {
    ours: times.ours,
    reference: times.reference,
    note: `${rows.count} x ${cols.count} images; with both arrays at every depth ${all}`,
  };
}

/**
 * Our kernel call, on every core, against its arithmetic: as many entries and layers as the call computes, on the
 * registers of as many cores at once. Of fcn the worst of four networks.
 */
export async function measureRegisters(bench, id) {
  const [, family, precision] = /^registers-(fcn|cnn-gap)-?(.*)$/.exec(id);
  const networks = precision ? [`relu ${precision}`] : ['erf f64', 'erf f32', 'relu f64', 'relu f32'];
  const measured = [];
  for (const network of networks) measured.push(await measureNetwork(bench, family, ...network.split(' ')));
  measured.sort((a, b) => a.reference / a.ours - b.reference / b.ours);
  const [{ ours, reference }] = measured;
  const ratios = measured.map((run) => `${run.network} ${(run.reference / run.ours).toFixed(2)}`).join(', ');
  return { ours, reference, note: `reference / ours: ${ratios}` };
}

async function measureNetwork(bench, family, activation, precision) {
  const { train, depth } = sizes[family];
  const architecture = architectureOf(family, activation);
  const images = await imagesOf(bench, sizes[family]);
  const tile = new Tile(bench, { architecture, precision, depths: [depth], ...images });
  const machine = openMachine({});
  // Theta is carried by fully connected networks alone: planes rebuild it from Delta in this phase.
  const theta = family === 'fcn';
  const run = { activation: architecture.activation, precision, ...variances, level: false, theta };
  const work = (computedEntries(family, train, images.rows.shape) * depth) / bench.cores;
  const registers = async () =>
    ((await registerRate(machine, run, registerLayers, bench.cores)) * work) / 1e6;
  const call = () => tile.withReadIn();
  await call();
  await registers();
  const { ours, reference } = await interleaved(5, {
    ours: family === 'fcn' ? several(5, call) : call,
    reference: registers,
  });
  return { network: `${activation} ${precision}`, ours, reference };
}

/** Entries that one call runs through the layers: each pair of images once, of an image with itself half the pixel pairs. */
function computedEntries(family, count, { height, width }) {
  const pairs = (count * (count - 1)) / 2;
  if (family === 'fcn') return pairs + count;
  const pixelPairs = (height * width) ** 2;
  return pairs * pixelPairs + (count * pixelPairs) / 2;
}
