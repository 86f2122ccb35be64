import { listDevices } from '@tessera/engine-opencl';
import { describe, expect, it } from 'vitest';
import { gpuTable, runGpuBench } from '../../bench/gpu.mjs';

const isCpu = (() => {
  try {
    return listDevices()[0]?.type === 'cpu';
  } catch {
    return false;
  }
})();

// On a card the bench takes its full networks: that is `npm run bench -- gpu`, not a test.
describe.skipIf(!isCpu)('npm run bench -- gpu (left out unless the first OpenCL device is a CPU)', () => {
  it('measures every network in every precision beside the limits of the device', {
    timeout: 120_000,
  }, async () => {
    const report = await runGpuBench(() => {});
    expect(report.isSmall).toBe(true);
    expect(report.rows).toHaveLength(3 * report.device.precisions.length);
    for (const row of report.rows) {
      expect(row.entryMs).toBeGreaterThan(0);
      expect(row.arithmeticFraction).toBeGreaterThan(0);
      expect(row.publishedEntryMs).toBeNull();
    }
    expect(gpuTable(report)).toContain('gpu-cnn-gap-relu-f32-small');
  });
});
