import { loadGoldens, ownGoldensDir } from '@tessera/engine';
import { conformanceSuite } from '@tessera/engine/conformance';
import { openTfjsEngine } from '../src/index.js';

const shared = process.env.TESSERA_GOLDENS_DIR;
const cifar10 = process.env.TESSERA_CIFAR10_DIR;
const goldens = [
  ...loadGoldens(ownGoldensDir),
  ...(shared !== undefined && cifar10 !== undefined ? loadGoldens(shared, cifar10) : []),
];
const engine = await openTfjsEngine({ backend: 'wasm' });

// A plane of one displacement is a thousand pixels, a pair of images a thousand planes: seconds a layer on WebAssembly.
conformanceSuite('the TensorFlow.js engine on WebAssembly', () => engine, {
  goldens,
  cuts: [
    {
      applies: ({ architecture, train: { shape } }) =>
        architecture.family === 'cnn-gap' && 'height' in shape && shape.height > 16,
      train: 1,
      test: 1,
      depth: 3,
    },
  ],
  tileSizes: [3, 7, 64],
});
