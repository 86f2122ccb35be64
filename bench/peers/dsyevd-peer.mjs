/**
 * dsyevd of the OpenBLAS that the product uses, called directly: `node dsyevd-peer.mjs FILE SIZE THREADS`. Prints
 * {"lambdaMax"} once; then for each line on stdin decomposes the matrix of the file, with vectors, and prints {"seconds"}.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import koffi from 'koffi';
import { root } from '../../scripts/bootstrap/run.mjs';

const [file, sizeText, threads] = process.argv.slice(2);
const n = Number(sizeText);
const { library, prefix } = open();
library.func(`void ${prefix}openblas_set_num_threads(int)`)(Number(threads));
const dsyevd = library.func(
  `void ${prefix}dsyevd_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work, const int *lwork, int *iwork, const int *liwork, int *info)`,
);
const bytes = readFileSync(file);
const matrix = new Float64Array(bytes.buffer, bytes.byteOffset, n * n);
const int = (value) => Int32Array.of(value);
const a = new Float64Array(n * n);
const w = new Float64Array(n);
const work = new Float64Array(1 + 6 * n + 2 * n * n);
const iwork = new Int32Array(3 + 5 * n);

function decompose() {
  a.set(matrix);
  const info = int(0);
  const start = performance.now();
  dsyevd('V', 'L', int(n), a, int(n), w, work, int(work.length), iwork, int(iwork.length), info);
  const seconds = (performance.now() - start) / 1000;
  if (info[0] !== 0) throw new Error(`dsyevd: info ${info[0]}`);
  return seconds;
}

/** Debian's library, else the one `npm start` fetched. */
function open() {
  try {
    return { library: koffi.load('libopenblas.so.0'), prefix: '' };
  } catch {
    const fetched = join(root, '.cache/native/openblas/libscipy_openblas.so');
    return { library: koffi.load(fetched), prefix: 'scipy_' };
  }
}

const answer = (message) => console.log(JSON.stringify(message));
decompose();
answer({ lambdaMax: w[n - 1] });
for await (const _ of createInterface({ input: process.stdin })) answer({ seconds: decompose() });
