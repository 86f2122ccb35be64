/** Eigenvalues and vectors of a kernel of 4,000 images: the product's analysis of it against dsyevd itself. */
import { join } from 'node:path';
import { analyzeMatrix } from '@tessera/analysis';
import { openLinalg } from '@tessera/linalg';
import { targetsOf, writeNumbers } from '../images.mjs';
import { Peer, peerFile } from '../peers.mjs';
import { interleaved, timed } from '../timing.mjs';
import { architectureOf, referenceVarianceOf, Tile } from './tiles.mjs';

const size = 4000;
/** In the ordered phase: all of the graded form's work is done. */
const depth = 30;

export async function measureEigensolver(bench) {
  const images = await bench.images();
  const subset = await images.subset({ train: size });
  const { matrix, complement, reference, rowDeviations } = await kernelOf(bench, subset);
  const file = await writeNumbers(join(bench.folder, 'ntk.f64'), matrix);
  const linalg = openLinalg({ threads: bench.cores });
  const peer = new Peer(process.execPath, [
    peerFile('dsyevd-peer.mjs'),
    file,
    String(size),
    String(bench.cores),
  ]);
  try {
    const { lambdaMax } = await peer.answer();
    const buffer = new Float64Array(size * size);
    let largest = 0;
    const ours = async () => {
      buffer.set(complement);
      return timed(async () => {
        const { eigenvalues } = await analyzeMatrix(linalg, {
          complement: buffer,
          reference: reference[0],
          deviations: rowDeviations,
          readMatrix: async (into) => into.set(matrix),
          precision: 'f64',
          size,
          labels: targetsOf(subset, 'centered'),
          meanLabels: targetsOf(subset, 'centered-over-images'),
          classes: subset.classes,
          trainLabels: subset.trainLabels,
          spectrum: 'full',
          diagReg: [],
          // Gradient flow takes the vectors.
          times: [1],
          learningRate: 'max',
          wantSolutions: false,
        });
        largest = eigenvalues[size - 1];
      });
    };
    const theirs = async () => 1000 * (await peer.ask({})).seconds;
    const times = await interleaved(3, { ours, reference: theirs });
    const difference = Math.abs(largest / lambdaMax - 1);
    if (!(difference < 1e-12)) throw new Error(`the largest eigenvalues differ by ${difference}`);
    return { ours: times.ours / 1000, reference: times.reference / 1000, note: linalg.version };
  } finally {
    peer.stop();
  }
}

async function kernelOf(bench, subset) {
  const rows = await subset.block('train', 0, size);
  const referenceVariance = referenceVarianceOf(await subset.block('train', 0, 1));
  const architecture = architectureOf('fcn', 'erf');
  const task = {
    architecture,
    precision: 'f64',
    depths: [depth],
    kernels: ['ntk'],
    rows,
    referenceVariance,
  };
  const tile = new Tile(bench, task);
  await tile.fromImages();
  return tile.result.ntk;
}
