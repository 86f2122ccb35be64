/** What the services cost: a job through them against the same engine calls, one worker against two, a tiny job. */
import { openNativeEngine } from '@tessera/engine-native';
import { planExperiment, tileAt } from '@tessera/plan';
import { parseSpec } from '@tessera/spec';
import { runExperiment } from '../stack.mjs';
import { interleaved, median, timed } from '../timing.mjs';
import { architectureOf, referenceVarianceOf, variances } from './tiles.mjs';

/** What the engine's calls of the job take of a core: about a minute, whatever the machine. */
const jobCoreSeconds = 56;
/** A job whose seconds tell how many images the real one has; both sides have done it before. */
const trialImages = 16;
const tinyRuns = 7;

const jobSpec = (images, count, round) => ({
  name: 'bench: engine calls',
  // Other images each time: nothing is at hand from the run before.
  dataset: { id: images.id, train: count, seed: round },
  architecture: architectureOf('cnn-gap', 'relu'),
  grid: { weightVariance: [variances.weightVariance], biasVariance: [variances.biasVariance], depth: [10] },
});

export async function measureServices(bench, ids) {
  const images = await bench.images();
  const two = await bench.stack(2);
  const count = await jobImages(images);
  await runExperiment(two, jobSpec(images, trialImages, 0));
  const jobOf = (round) => jobSpec(images, count, round);
  const sides = { two: async (round) => (await runExperiment(two, jobOf(round))).seconds };
  if (ids.includes('service-overhead')) {
    sides.calls = async (round) => (await timed(() => engineCalls(images, jobOf(round)))) / 1000;
  }
  if (ids.includes('two-workers')) {
    const one = await bench.stack(1);
    await runExperiment(one, jobSpec(images, trialImages, 0));
    sides.one = async (round) => (await runExperiment(one, jobOf(round))).seconds;
  }
  const times = await interleaved(3, sides);
  const references = { 'service-overhead': times.calls, 'two-workers': times.one };
  const note = `${count} images`;
  return Object.fromEntries(ids.map((id) => [id, { ours: times.two, reference: references[id], note }]));
}

/** Entries, half of all pairs, take the time. */
async function jobImages(images) {
  const trial = () => engineCalls(images, jobSpec(images, trialImages, 0));
  await trial();
  const before = process.cpuUsage();
  await trial();
  const { user, system } = process.cpuUsage(before);
  return Math.round(trialImages * Math.sqrt((1e6 * jobCoreSeconds) / (user + system)));
}

/** The tiles of a spec's plan, two at a time on one core each, their results dropped. */
async function engineCalls(images, input) {
  const spec = parseSpec(input);
  const engine = openNativeEngine({ threads: 1 });
  const subset = await images.subset(spec.dataset);
  const { classes, shape } = subset;
  const plan = planExperiment(spec, { train: spec.dataset.train, test: 0, classes, shape });
  const referenceVariance = referenceVarianceOf(await subset.block('train', 0, 1));
  let next = 0;
  const work = async () => {
    while (next < plan.tilesPerKernel) {
      const { row, col, rowStart, rowCount, colStart, colCount } = tileAt(plan, next++);
      await engine.computeTile({
        architecture: spec.architecture,
        ...variances,
        depths: plan.axes.depth,
        kernels: spec.kernels,
        arrays: ['matrix', 'complement'],
        precision: spec.precision,
        referenceVariance,
        rows: await subset.block('train', rowStart, rowCount),
        cols: row === col ? null : await subset.block('train', colStart, colCount),
      });
    }
  };
  await Promise.all(Array.from({ length: 2 }, work));
  await engine.close();
}

export async function measureTiny(bench) {
  const images = await bench.images();
  const stack = await bench.stack(2);
  const spec = (seed) => ({
    name: 'bench: tiny',
    dataset: { id: images.id, train: 4, seed },
    architecture: { family: 'fcn', activation: { name: 'erf' } },
    grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [3] },
  });
  await runExperiment(stack, spec(0));
  const times = [];
  for (let seed = 1; seed <= tinyRuns; seed++) times.push((await runExperiment(stack, spec(seed))).seconds);
  return { ours: median(times), reference: 0.5 };
}
