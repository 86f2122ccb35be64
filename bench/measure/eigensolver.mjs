/** Eigenvalues and vectors of a kernel of 4,000 images: the product's call against dsyevd itself. */
import { join } from 'node:path';
import { openLinalg } from '@tessera/linalg';
import { writeNumbers } from '../images.mjs';
import { Peer, peerFile } from '../peers.mjs';
import { interleaved, timed } from '../timing.mjs';
import { architectureOf, imagesOf, Tile } from './tiles.mjs';

const size = 4000;

export async function measureEigensolver(bench) {
  const images = await imagesOf(bench, { train: size });
  const tile = new Tile(bench, {
    architecture: architectureOf('fcn', 'erf'),
    precision: 'f64',
    depths: [3],
    ...images,
  });
  await tile.fromImages();
  const matrix = tile.matrices.ntk;
  const file = await writeNumbers(join(bench.folder, 'ntk.f64'), matrix);
  const linalg = openLinalg({ threads: bench.cores });
  const peer = new Peer(process.execPath, [
    peerFile('dsyevd-peer.mjs'),
    file,
    String(size),
    String(bench.cores),
  ]);
  try {
    const { lambdaMax: theirs } = await peer.answer();
    const a = new Float64Array(size * size);
    let lambdaMax = 0;
    const run = async () => {
      a.set(matrix);
      return timed(async () => {
        const { values } = await linalg.eigh(a, size, true);
        lambdaMax = values[size - 1];
      });
    };
    const { ours, reference } = await interleaved(3, {
      ours: run,
      reference: async () => 1000 * (await peer.ask({})).seconds,
    });
    const difference = Math.abs(lambdaMax / theirs - 1);
    if (difference > 1e-12) throw new Error(`the largest eigenvalues differ by ${difference}`);
    return { ours: ours / 1000, reference: reference / 1000, note: linalg.version };
  } finally {
    peer.stop();
  }
}
