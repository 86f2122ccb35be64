import { loadGoldens, ownGoldensDir } from '@tessera/engine';
import { conformanceSuite } from '@tessera/engine/conformance';
import { describe, it } from 'vitest';
import { openOpenclEngine } from '../src/index.js';
import { deviceMissing } from './find-device.js';

if (deviceMissing === null) {
  conformanceSuite('the OpenCL engine', () => openOpenclEngine(), { goldens: loadGoldens(ownGoldensDir) });
} else {
  describe.skip(`conformance of the OpenCL engine (left out: ${deviceMissing})`, () => it('needs a device'));
}
