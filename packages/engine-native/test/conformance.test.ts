import { type Golden, loadGoldens, ownGoldensDir } from '@tessera/engine';
import { conformanceSuite } from '@tessera/engine/conformance';
import { instructionSets, openNativeEngine } from '../src/index.js';

const shared = process.env.TESSERA_GOLDENS_DIR;
const cifar10 = process.env.TESSERA_CIFAR10_DIR;
const goldens = [
  ...loadGoldens(ownGoldensDir),
  ...(shared !== undefined && cifar10 !== undefined ? loadGoldens(shared, cifar10) : []),
];
const isLargePooling = ({ architecture, train: { shape } }: Golden) =>
  architecture.family === 'cnn-gap' && 'height' in shape && shape.height > 16;

// Every instruction set of this CPU; the narrower ones take the large pooling cases cut, for time.
instructionSets().forEach((instructionSet, index) => {
  const cut = { applies: isLargePooling, train: 2, test: 1 };
  conformanceSuite(
    `the native engine on ${instructionSet}`,
    () => openNativeEngine({ instructionSet }),
    index === 0 ? { goldens } : { goldens, cuts: [cut] },
  );
});

const [widest] = instructionSets();
conformanceSuite(`the native engine on ${widest} with two threads`, () => openNativeEngine({ threads: 2 }), {
  goldens: [],
});
