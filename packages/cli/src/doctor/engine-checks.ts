/** Loaded when they are asked for: a library that is missing must not keep the other checks from running. */
import { type Finding, Wrong } from './checks.js';

/** The native engine's entries may differ from the oracle's by this part of the largest. */
const tolerance = 1e-12;
const inputs = 12;

/** Loads the native engine, and compares a tiny tile with the float64 oracle's. */
export async function checkNative(): Promise<Finding> {
  const { openNativeEngine } = await import('@tessera/engine-native');
  const { oracleEngine } = await import('@tessera/engine');
  const native = openNativeEngine({});
  try {
    const data = Float64Array.from({ length: 3 * inputs }, (_, i) => Math.sin(1 + 1.7 * i));
    const rows = { key: 'doctor', count: 3, shape: { inputs }, data };
    const tile = {
      architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
      weightVariance: 1.5,
      biasVariance: 0.1,
      depths: [0, 3],
      kernels: ['ntk', 'nngp'],
      arrays: ['matrix'],
      precision: 'f64',
      referenceVariance: 1,
      rows,
      cols: null,
    } as const;
    const found = await native.computeTile(tile);
    const expected = await oracleEngine().computeTile(tile);
    const error = Math.max(
      ...(['ntk', 'nngp'] as const).map((kind) => relativeError(found[kind]?.matrix, expected[kind]?.matrix)),
    );
    if (!(error <= tolerance))
      throw new Wrong(`its golden tile is off by ${error}`, 'Build it anew: npm run build; then report it.');
    return `${native.info.name}, ${native.info.device}: a golden tile agrees to ${error.toExponential(1)}`;
  } finally {
    await native.close();
  }
}

function relativeError(
  found: ArrayLike<number> | null | undefined,
  expected: ArrayLike<number> | null | undefined,
): number {
  if (!found || !expected || found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const one = Math.abs((found[i] as number) - (expected[i] as number));
    if (!(one <= difference)) difference = one;
    largest = Math.max(largest, Math.abs(expected[i] as number));
  }
  return difference / largest;
}

/** Loads LAPACK, and decomposes a matrix whose eigenvalues are 1 and 3. */
export async function checkLinalg(): Promise<Finding> {
  const { openLinalg } = await import('@tessera/linalg');
  const linalg = openLinalg({ threads: 1 });
  const { values } = await linalg.eigh(Float64Array.of(2, 1, 1, 2), 2, false);
  const error = Math.max(Math.abs((values[0] ?? 0) - 1), Math.abs((values[1] ?? 0) - 3));
  if (!(error <= tolerance))
    throw new Wrong(
      `eigenvalues of a 2 x 2 matrix are off by ${error}`,
      'Install another OpenBLAS: apt-get install libopenblas0-pthread.',
    );
  return `${linalg.version}: eigenvalues agree to ${error.toExponential(1)}`;
}
