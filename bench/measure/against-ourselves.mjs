/** Rows that compare calls of our engine with one another. */
import { readFile } from 'node:fs/promises';
import { planExperiment, tileAt } from '@tessera/plan';
import { parseSpec } from '@tessera/spec';
import { interleaved, several } from '../timing.mjs';
import { architectureOf, imagesOf, referenceVarianceOf, sizes, Tile } from './tiles.mjs';

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
 * All depths of the heat map of 1,000 images against the deepest of them, tile by tile as a worker computes it: tiles of
 * the planned size, the read-in at hand, each written over the last of its shape.
 */
export async function measureDepths(bench) {
  const spec = parseSpec(JSON.parse(await readFile(heatmapFile, 'utf8')));
  const train = sizes.fcn.train;
  const images = await bench.images();
  const subset = await images.subset({ train });
  const { shape, classes } = subset;
  const plan = planExperiment(
    { ...spec, dataset: { ...spec.dataset, train, test: 0 } },
    { train, test: 0, classes, shape },
  );
  const { depth } = plan.axes;
  const referenceVariance = referenceVarianceOf(await subset.block('train', 0, 1));
  const tiles = (depths) =>
    Promise.all(
      Array.from({ length: plan.tilesPerKernel }, async (_, index) => {
        const { row, col, rowStart, rowCount, colStart, colCount } = tileAt(plan, index);
        const rows = await subset.block('train', rowStart, rowCount);
        const cols = row === col ? null : await subset.block('train', colStart, colCount);
        const architecture = architectureOf('fcn', 'erf');
        return new Tile(bench, { architecture, precision: 'f64', depths, rows, cols, referenceVariance });
      }),
    );
  const sum = async (list) => {
    let total = 0;
    for (const tile of list) total += await tile.withReadIn();
    return total;
  };
  const all = await tiles(depth);
  const deepest = await tiles([Math.max(...depth)]);
  await sum(all);
  await sum(deepest);
  const { ours, reference } = await interleaved(5, { ours: () => sum(all), reference: () => sum(deepest) });
  return { ours, reference, note: `${plan.tilesPerKernel} tiles of ${plan.tileSize} images, both kinds` };
}

/** Our kernel call against its arithmetic on registers alone. */
export async function measureRegisters(bench, id) {
  const module = '@tessera/engine-native/bench';
  const hooks = await import(module);
  const cases =
    id === 'registers-fcn'
      ? ['erf f64', 'erf f32', 'relu f64', 'relu f32'].map((name) => ['fcn', ...name.split(' ')])
      : [['cnn-gap', 'relu', id.slice(-3)]];
  const measured = [];
  for (const [family, activation, precision] of cases) {
    const size = sizes[family];
    const images = await imagesOf(bench, size);
    const architecture = architectureOf(family, activation);
    const tile = new Tile(bench, { architecture, precision, depths: [size.depth], ...images });
    const registers = async () => hooks.registersMs(bench, { architecture, precision, size });
    await tile.withReadIn();
    await registers();
    const run = family === 'fcn' ? several(5, () => tile.withReadIn()) : () => tile.withReadIn();
    const { ours, reference } = await interleaved(5, { ours: run, reference: registers });
    measured.push({ name: `${activation} ${precision}`, ours, reference });
  }
  measured.sort((a, b) => a.reference / a.ours - b.reference / b.ours);
  const [{ ours, reference }] = measured;
  const text = ({ name, ...times }) => `${name} ${(times.reference / times.ours).toFixed(2)}`;
  return measured.length === 1
    ? { ours, reference }
    : { ours, reference, note: `the worst of ${measured.map(text).join(', ')}` };
}
