import { conformanceSuite } from '../src/conformance/index.js';
import { loadGoldens, oracleEngine, ownGoldensDir } from '../src/index.js';

const shared = process.env.TESSERA_GOLDENS_DIR;
const cifar10 = process.env.TESSERA_CIFAR10_DIR;
const goldens = [
  ...loadGoldens(ownGoldensDir),
  ...(shared !== undefined && cifar10 !== undefined ? loadGoldens(shared, cifar10) : []),
];

// A pair of 32 x 32 images with pooling is ten million dual activations: seconds in scalar TypeScript.
conformanceSuite('the oracle', oracleEngine, {
  goldens,
  cut: { applies: (golden) => isLargePooling(golden), train: 1, test: 1, depth: 3 },
});

function isLargePooling({ architecture, train: { shape } }: (typeof goldens)[number]): boolean {
  return architecture.family === 'cnn-gap' && 'height' in shape && shape.height > 16;
}
