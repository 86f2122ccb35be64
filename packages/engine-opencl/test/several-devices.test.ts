import type { Engine } from '@tessera/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// PoCL makes as many devices of the CPU as are named here, when it is first asked.
process.env.POCL_DEVICES = 'pthread pthread';
const { listDevices, openOpenclEngine } = await import('../src/index.js');
const { deviceMissing } = await import('./find-device.js');
const alike =
  deviceMissing === null ? listDevices().filter(({ name }) => name === listDevices()[0]?.name) : [];

describe.skipIf(alike.length < 2)('several devices in one engine (left out where there is one)', () => {
  // Not before: the body of a suite runs even where it is left out.
  let engine: Engine;
  beforeAll(() => {
    engine = openOpenclEngine({ count: 2 });
  });
  afterAll(() => engine.close());

  it('share the tiles and give the same bits', async () => {
    expect(engine.info.device).toMatch(/^2 x /);
    const rows = {
      key: 'several',
      count: 40,
      shape: { inputs: 6 },
      data: Float64Array.from({ length: 240 }, (_, i) => Math.sin(i * i)),
    };
    const task = {
      architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'same' },
      weightVariance: 1.4,
      biasVariance: 0.1,
      depths: [5],
      kernels: ['ntk'],
      arrays: ['matrix'],
      precision: 'f32',
      referenceVariance: 0.5,
      rows,
      cols: null,
    } as const;
    const tiles = await Promise.all([1, 2, 3, 4].map(() => engine.computeTile(task)));
    for (const tile of tiles) expect(tile).toEqual(tiles[0]);
  });
});
