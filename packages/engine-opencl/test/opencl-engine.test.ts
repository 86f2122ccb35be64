import type { Engine, ImageBlock, TileResult, TileTask } from '@tessera/engine';
import { type Activation, type Family, inputCount } from '@tessera/spec';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { listDevices, openOpenclEngine } from '../src/index.js';
import { loadOpencl, OpenclError } from '../src/opencl.js';
import { deviceMissing } from './find-device.js';

const images = (count: number, shape: ImageBlock['shape']): ImageBlock => ({
  key: `${count} ${JSON.stringify(shape)}`,
  count,
  shape,
  data: Float64Array.from({ length: count * inputCount(shape) }, (_, i) => Math.sin(i * i + i)),
});

const task = (
  family: Family,
  more: Partial<TileTask> = {},
  activation: Activation = { name: 'relu' },
): TileTask => ({
  architecture: { family, activation, filterSize: 3, padding: 'same' },
  weightVariance: 1.4,
  biasVariance: 0.1,
  depths: [3, 0],
  kernels: ['nngp', 'ntk'],
  arrays: ['matrix', 'complement'],
  precision: 'f32',
  referenceVariance: 0.5,
  rows: family === 'fcn' ? images(70, { inputs: 9 }) : images(3, { height: 5, width: 6, channels: 2 }),
  cols: null,
  ...more,
});

const arraysOf = ({ nngp, ntk }: TileResult) => [nngp, ntk].flatMap((kind) => Object.values(kind ?? {}));

describe.skipIf(deviceMissing !== null)(
  `the OpenCL engine (left out without a device: ${deviceMissing})`,
  () => {
    const opened: Engine[] = [];
    const open = (options: Parameters<typeof openOpenclEngine>[0] = {}) => {
      const engine = openOpenclEngine(options);
      opened.push(engine);
      return engine;
    };
    afterEach(() => vi.restoreAllMocks());
    afterAll(() => Promise.all(opened.map((engine) => engine.close())));

    it('lists devices with their memory, precisions and width', () => {
      for (const device of listDevices()) {
        expect(device.name).not.toBe('');
        expect(device.precisions).toContain('f32');
        expect(device.memoryBytes).toBeGreaterThan(0);
        expect(device.localBytes).toBeGreaterThan(0);
        expect(device.subGroupWidth).toBeGreaterThanOrEqual(1);
      }
    });

    it('names the devices there are where none has the name asked for', () => {
      expect(() => open({ device: 'Voodoo' })).toThrow(/"Voodoo".*Devices: \w/);
    });

    it('gives the same bits in little memory, in global memory and by groups of other shapes', async () => {
      const tasks = [
        task('fcn', { depths: [2, 40, 0] }),
        task('fcn', { cols: images(33, { inputs: 9 }) }),
        task('cnn-gap'),
        task('cnn-gap', { architecture: { ...task('cnn-gap').architecture, padding: 'circular' } }),
        task('cnn-gap', { architecture: { ...task('cnn-gap').architecture, filterSize: 5 } }),
        task('cnn-flatten'),
      ];
      const plain = open();
      const fcn = { cols: 8, rows: 2, rowsEach: 2 };
      const others = [
        open({ memoryBytes: 230_000 }),
        open({ localBytes: 300 }),
        open({ shapes: { fcn, cnn: { items: 10, strip: 1, unrolledFrom: 1000, registers: 0 } } }),
        open({ shapes: { fcn, cnn: { items: 8, strip: 2, unrolledFrom: 1, registers: 0 } } }),
      ];
      for (const tile of tasks) {
        const wanted = arraysOf(await plain.computeTile(tile));
        for (const engine of others) expect(arraysOf(await engine.computeTile(tile))).toEqual(wanted);
      }
    }, 300_000);

    it('says how much memory a tile lacks', async () => {
      await expect(open({ memoryBytes: 2000 }).computeTile(task('cnn-gap'))).rejects.toMatchObject({
        code: 'engine-failed',
        message: expect.stringMatching(/MiB.*smaller tiles/),
      });
    });

    it('reads bytes in exactly, whatever their normalization', async () => {
      const [count, inputs] = [5, 37];
      const pixels = Uint8Array.from({ length: count * inputs }, (_, i) => (i * i * 37) % 256);
      pixels.copyWithin(inputs, 0, inputs);
      pixels[inputs] = ((pixels[0] as number) + 1) % 256;
      const at = (i: number, t: number) => pixels[i * inputs + t] as number;
      const dot = (i: number, j: number) =>
        Array.from({ length: inputs }, (_, t) => at(i, t) * at(j, t)).reduce((a, b) => a + b);
      const total = (i: number) => Array.from({ length: inputs }, (_, t) => at(i, t)).reduce((a, b) => a + b);
      const spread = (i: number, j: number) => inputs * dot(i, j) - total(i) * total(j);
      const wanted = {
        shared: (i: number, j: number) => (dot(i, i) + dot(j, j) - 2 * dot(i, j)) / 64 ** 2 / (2 * inputs),
        own: (i: number, j: number) => {
          const product = BigInt(spread(i, i)) * BigInt(spread(j, j)) - BigInt(spread(i, j)) ** 2n;
          const root = Math.sqrt(spread(i, i) * spread(j, j));
          return spread(i, j) > 0
            ? Number(product) / (root * (root + spread(i, j)))
            : 1 - spread(i, j) / root;
        },
      };
      const engine = open();
      const [precision] = engine.info.precisions;
      for (const kind of ['shared', 'own'] as const) {
        const normalization = kind === 'own' ? { kind } : { kind, offset: 120.5, factor: 1 / 64 };
        const rows = { ...images(count, { inputs }), key: kind, bytes: { pixels, normalization } };
        const { nngp } = await engine.computeTile(
          task('fcn', { rows, depths: [0], precision: precision ?? 'f32' }),
        );
        for (let i = 0; i < count; i++) {
          for (let j = 0; j < count; j++) {
            const error = Math.abs((nngp?.complement?.[i * count + j] as number) - wanted[kind](i, j));
            expect(error).toBeLessThanOrEqual((precision === 'f64' ? 1e-15 : 4e-7) * wanted[kind](i, j));
          }
        }
      }
    });

    it('fails a tile by name when the driver fails, and opens the device anew for the next', async () => {
      const engine = open();
      const tile = task('fcn');
      const before = await engine.computeTile(tile);
      const opencl = loadOpencl();
      const call = opencl.call;
      for (const [status, name] of [
        [-5, 'CL_OUT_OF_RESOURCES'],
        [-2, 'CL_DEVICE_NOT_AVAILABLE'],
      ] as const) {
        vi.spyOn(opencl, 'call').mockImplementation((which, ...args) => {
          if (which === 'clEnqueueNDRangeKernel') throw new OpenclError(which, status);
          call(which, ...args);
        });
        await expect(engine.computeTile(tile)).rejects.toMatchObject({
          code: 'engine-failed',
          message: expect.stringContaining(name),
        });
        vi.restoreAllMocks();
        expect(arraysOf(await engine.computeTile(tile))).toEqual(arraysOf(before));
      }
    });

    it("shows the compiler's log when a kernel does not build", async () => {
      const opencl = loadOpencl();
      const create = opencl.create;
      vi.spyOn(opencl, 'create').mockImplementation((which, ...args) =>
        which === 'clCreateProgramWithSource'
          ? create(which, args[0], 1, ['#error not for this device\n'], null)
          : create(which, ...args),
      );
      await expect(open().computeTile(task('fcn'))).rejects.toMatchObject({
        code: 'engine-failed',
        message: expect.stringMatching(
          /does not compile the fcn kernels for abrelu in f32.*\n.*not for this device/s,
        ),
      });
    });

    it('refuses tanh for image networks', () => {
      const { architecture } = task('cnn-gap', {}, { name: 'tanh' });
      expect(open().supports(architecture)).toMatch(/tanh/);
    });
  },
);
