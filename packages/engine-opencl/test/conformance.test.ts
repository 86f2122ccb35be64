import { type Golden, loadGoldens, ownGoldensDir } from '@tessera/engine';
import { conformanceSuite } from '@tessera/engine/conformance';
import { describe, it } from 'vitest';
import { findsCard, openOpenclEngine } from '../src/index.js';
import { deviceMissing } from './find-device.js';

/** OPENCL_GOLDENS=all: every golden, those of TESSERA_GOLDENS_DIR too; else one of each family, padding and activation. */
const all = process.env.OPENCL_GOLDENS === 'all';
const { TESSERA_GOLDENS_DIR: shared, TESSERA_CIFAR10_DIR: cifar10 } = process.env;
const own = loadGoldens(ownGoldensDir);
const goldens =
  all && shared !== undefined && cifar10 !== undefined ? [...own, ...loadGoldens(shared, cifar10)] : own;

const kindOf = ({ name, architecture: { family, padding, activation } }: Golden) =>
  [family, family === 'fcn' ? '' : padding, activation.name, name.startsWith('complement')].join();
const isSampled = (golden: Golden) => goldens.find((other) => kindOf(other) === kindOf(golden)) === golden;

if (deviceMissing === null) {
  conformanceSuite('the OpenCL engine', () => openOpenclEngine(), {
    goldens: all ? goldens : goldens.filter(isSampled),
    longTileImages: findsCard(null) ? 48 : 6,
  });
} else {
  describe.skip(`conformance of the OpenCL engine (left out: ${deviceMissing})`, () => it('needs a device'));
}
