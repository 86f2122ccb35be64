import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DeviceInfo } from '../src/index.js';
import { tunedShapes } from '../src/tuning.js';

const info: DeviceInfo = {
  name: 'Card',
  vendor: 'Vendor',
  platform: 'Platform',
  driver: '1',
  type: 'gpu',
  precisions: ['f32'],
  memoryBytes: 2 ** 33,
  bufferBytes: 2 ** 31,
  localBytes: 49152,
  computeUnits: 80,
  subGroupWidth: 32,
  workGroupItems: 512,
  correctlyRounded: true,
};

describe('work-group shapes', () => {
  it('are the fastest tried, found once a device and driver, and found again where the file is spoilt', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shapes-'));
    let measured = 0;
    const measure = async (
      _: unknown,
      { fcn, cnn }: { fcn: { rowsEach: number }; cnn: { items: number } },
    ) => {
      measured++;
      return Math.abs(cnn.items - 128) + Math.abs(fcn.rowsEach - 4);
    };
    const found = await tunedShapes(info, folder, measure);
    expect(found.cnn.items).toBe(128);
    expect(found.fcn.rowsEach).toBe(4);
    const once = measured;
    expect(await tunedShapes(info, folder, measure)).toEqual(found);
    expect(measured).toBe(once);
    await tunedShapes({ ...info, driver: '2' }, folder, measure);
    expect(measured).toBe(2 * once);
    const file = join(folder, 'opencl-shapes.json');
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')))).toHaveLength(2);
    await writeFile(file, '{"cut');
    expect(await tunedShapes(info, folder, measure)).toEqual(found);
    await rm(folder, { recursive: true });
  });
});
