import { conformanceSuite } from '../src/conformance/index.js';
import { loadGoldens, oracleEngine, ownGoldensDir } from '../src/index.js';

const shared = process.env.TESSERA_GOLDENS_DIR;
const cifar10 = process.env.TESSERA_CIFAR10_DIR;
const goldens = [
  ...loadGoldens(ownGoldensDir),
  ...(shared !== undefined && cifar10 !== undefined ? loadGoldens(shared, cifar10) : []),
];

/** Pooling over images of at least this many rows. */
const isPooling =
  (height: number, padding?: 'same') =>
  ({ architecture, train: { shape } }: (typeof goldens)[number]) =>
    architecture.family === 'cnn-gap' &&
    'height' in shape &&
    shape.height >= height &&
    (padding === undefined || architecture.padding === padding);

// A pair of 32 x 32 images with pooling is ten million dual activations: seconds in scalar TypeScript. ORACLE_GOLDENS=all
// computes all of the 8 x 8 ones, and the large ones with zero padding two layers deeper; the native engine has all of both.
const all = process.env.ORACLE_GOLDENS === 'all';
const one = { train: 1, test: 1 };
conformanceSuite('the oracle', oracleEngine, {
  goldens,
  cuts: all
    ? [{ applies: isPooling(32), ...one, depth: 3 }]
    : [
        { applies: isPooling(32, 'same'), ...one, depth: 1 },
        { applies: isPooling(32), ...one, depth: 3 },
        { applies: isPooling(8), train: 2, test: 1 },
      ],
});
