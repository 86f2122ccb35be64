/** The main job's share for NTK: the services against a script of neural-tangents and numpy. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expandAxis, parseSpec } from '@tessera/spec';
import { targetsOf, writeNumbers } from '../images.mjs';
import { Peer, peerFile, peerPython } from '../peers.mjs';
import { runExperiment } from '../stack.mjs';
import { interleaved } from '../timing.mjs';

const specFile = new URL('../../examples/heatmap-fcn.json', import.meta.url);
/** Every fifth variance: ordered, critical and chaotic in the proportion of the whole. */
const every = 5;
/**
 * Largest eigenvalues are compared to this depth. Deeper in the chaotic phase theirs drift by a factor chi_1 a layer: the
 * diagonal is to them an entry like any other, and rounding parts an image from itself.
 */
const comparedDepth = 20;

export async function measureHeatmap(bench) {
  const images = await bench.images();
  const whole = parseSpec(JSON.parse(await readFile(specFile, 'utf8')));
  const weightVariance = expandAxis(whole.grid.weightVariance).filter((_, i) => i % every === 0);
  const spec = {
    ...whole,
    dataset: { ...whole.dataset, id: images.id },
    grid: { ...whole.grid, weightVariance },
    kernels: ['ntk'],
  };
  const peer = await openPeer(bench, images, spec);
  try {
    const stack = await bench.stack(bench.cores);
    const ours = [];
    let theirs;
    // As the script has run one variance, to compile: what is timed is a stack at work, not the first job of its life.
    const warmUp = { ...spec, grid: { ...spec.grid, weightVariance: weightVariance.slice(0, 1) } };
    await runExperiment(stack, warmUp);
    // Other images each time but the first, whose results are compared: what workers keep of images helps no later run.
    const post = async (round) => {
      const seed = round === 0 ? null : round;
      const { seconds, id } = await runExperiment(stack, { ...spec, dataset: { ...spec.dataset, seed } });
      if (round === 0) for await (const row of stack.client.analyses(id)) ours.push(row);
      return seconds;
    };
    const script = async () => {
      theirs = await peer.ask({});
      return theirs.seconds;
    };
    const times = await interleaved(3, { ours: post, reference: script });
    return { ...times, note: compare(spec, ours, theirs) };
  } finally {
    peer.stop();
  }
}

async function openPeer(bench, images, spec) {
  const python = await peerPython();
  const { train, test, normalization, labels } = spec.dataset;
  const subset = await images.subset({ train, test, normalization });
  const numbers = async (name, values) => writeNumbers(join(bench.folder, name), values);
  await numbers('train.f64', (await subset.block('train', 0, train)).data);
  await numbers('test.f64', (await subset.block('test', 0, test)).data);
  await numbers('train-targets.f64', targetsOf(subset, labels));
  await numbers('test-labels.i32', subset.testLabels);
  const job = {
    weightVariance: spec.grid.weightVariance,
    biasVariance: expandAxis(spec.grid.biasVariance)[0],
    depth: expandAxis(spec.grid.depth),
    times: spec.analysis.dynamics.times,
    train,
    test,
    classes: subset.classes,
  };
  await writeFile(join(bench.folder, 'heatmap.json'), JSON.stringify(job));
  const peer = new Peer(python, [peerFile('heatmap.py'), bench.folder]);
  await peer.answer();
  return peer;
}

/** How far the two maps are apart. @throws Error where they are different maps */
function compare({ grid, analysis }, ours, theirs) {
  const depths = expandAxis(grid.depth);
  let lambda = 0;
  const accuracies = [];
  for (const row of ours) {
    const w = grid.weightVariance.indexOf(row.weightVariance);
    const d = depths.indexOf(row.depth);
    if (row.depth <= comparedDepth) {
      lambda = Math.max(lambda, Math.abs(row.lambdaMax / theirs.lambdaMax[w][d] - 1));
    }
    analysis.dynamics.times.forEach((_, t) => {
      accuracies.push(Math.abs(row.dynamics[t].testAccuracy - theirs.testAccuracy[w][d][t]));
    });
  }
  if (accuracies.length !== grid.weightVariance.length * depths.length * analysis.dynamics.times.length) {
    throw new Error(`the map has ${ours.length} rows`);
  }
  if (!(lambda < 1e-9)) throw new Error(`the largest eigenvalues differ by ${lambda}`);
  const equal = accuracies.filter((difference) => difference <= 1e-3).length / accuracies.length;
  return `largest eigenvalues to depth ${comparedDepth} agree to ${lambda.toExponential(0)}, ${(100 * equal).toFixed(0)}% of the test accuracies to 0.001`;
}
