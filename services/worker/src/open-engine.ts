/** The engine a worker computes with: the one it was told, or the best that this machine has. */
import { join } from 'node:path';
import type { Settings } from '@tessera/config';
import type { Engine } from '@tessera/engine';
import { openNativeEngine } from '@tessera/engine-native';
import { TesseraError } from '@tessera/spec';

export interface OpenedEngine {
  engine: Engine;
  /** It computes on the cores that the worker was given, a tile on each; else on a device of its own, one tile after the other. */
  usesCores: boolean;
}

/**
 * Opens the engine of `TESSERA_ENGINE` on `TESSERA_DEVICE`. Nothing falls back: what was asked for and does not open is an error.
 * @throws TesseraError `native-missing`, `engine-failed`
 */
export async function openEngine({
  engine,
  device,
  dataDir,
}: Pick<Settings, 'engine' | 'device' | 'dataDir'>): Promise<OpenedEngine> {
  const cacheDir = join(dataDir, 'cache');
  switch (engine) {
    case 'native':
      return native();
    case 'opencl':
      return { engine: await opencl(device, cacheDir), usesCores: false };
    case 'tfjs':
      return { engine: await tfjs(device), usesCores: false };
    case 'auto':
      return (await onCard(device, cacheDir)) ?? native();
  }
}

const native = (): OpenedEngine => ({ engine: openNativeEngine({}), usesCores: true });

/** `cacheDir` keeps the shapes of work-groups that suit the device. */
async function opencl(device: string | null, cacheDir: string): Promise<Engine> {
  const { openOpenclEngine } = await import('@tessera/engine-opencl');
  return openOpenclEngine(device === null ? { cacheDir } : { device, cacheDir });
}

async function tfjs(device: string | null): Promise<Engine> {
  const { backendNames, openTfjsEngine } = await import('@tessera/engine-tfjs');
  if (device === null) return openTfjsEngine();
  const backend = backendNames.find((name) => name === device);
  if (backend === undefined) {
    throw new TesseraError(
      'engine-failed',
      `TESSERA_DEVICE=${device}: the engine tfjs computes on one of ${backendNames.join(', ')}.`,
    );
  }
  return openTfjsEngine({ backend });
}

/** An engine on a GPU that computes every family, where there is one: OpenCL has float64 and its kernels are fused. */
async function onCard(device: string | null, cacheDir: string): Promise<OpenedEngine | null> {
  const { findsCard: findsOpenclCard } = await import('@tessera/engine-opencl');
  if (findsOpenclCard(device)) {
    // GPUs are the first devices.
    const engine = await opencl(device, cacheDir);
    if (computesEveryFamily(engine)) return { engine, usesCores: false };
    await engine.close();
  }
  const { findsCard, openTfjsEngine } = await import('@tessera/engine-tfjs');
  return (await findsCard())
    ? { engine: await openTfjsEngine({ backend: 'tfjs-node-gpu' }), usesCores: false }
    : null;
}

const computesEveryFamily = (engine: Engine): boolean =>
  (['fcn', 'cnn-flatten', 'cnn-gap'] as const).every(
    (family) =>
      engine.supports({ family, activation: { name: 'erf' }, filterSize: 3, padding: 'same' }) === null,
  );
