/**
 * The TensorFlow.js backends, the best first. The two of TensorFlow's C library fetch it from outside the registries when
 * they are installed, so that they are no dependencies of ours: whoever has a card installs one of them beside Tessera (decision 9).
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { backend, env, setBackend, version_core } from '@tensorflow/tfjs-core';
import { TesseraError } from '@tessera/spec';

export const backendNames = ['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

export interface Backend {
  name: BackendName;
  /** Where it computes. */
  device: 'gpu' | 'cpu';
  version: string;
  /** Entries of one tensor of pairs, and bytes of tables: enough to be busy, little enough to hear a cancel. */
  entries: number;
  tableBytes: number;
}

const onCard = { entries: 2 ** 22, tableBytes: 2 ** 30 };
const onCores = { entries: 2 ** 17, tableBytes: 2 ** 28 };

/** Whether an optional package can be imported here. */
const resolves = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
};

let opened: Backend | null = null;

/**
 * Opens a backend: the named one, or the best that is installed. A process has one.
 * @throws TesseraError `engine-failed` where the named one is not installed or another is open
 */
export async function openBackend(wanted?: BackendName): Promise<Backend> {
  if (opened !== null && (wanted === undefined || wanted === opened.name)) return opened;
  if (opened !== null) {
    throw new TesseraError(
      'engine-failed',
      `This process computes on tfjs' ${opened.name}; ${wanted} wants another.`,
    );
  }
  const name =
    wanted ?? backendNames.find((each) => !each.startsWith('tfjs-') || resolves(`@tensorflow/${each}`));
  opened = await open(name as BackendName);
  return opened;
}

/** Whether a card would be used: tfjs-node-gpu is installed and finds one. Opens the backend where it is installed. */
export async function findsCard(): Promise<boolean> {
  if (!resolves('@tensorflow/tfjs-node-gpu')) return false;
  return (await openBackend('tfjs-node-gpu')).device === 'gpu';
}

async function open(name: BackendName): Promise<Backend> {
  const version = version_core;
  switch (name) {
    case 'tfjs-node-gpu':
    case 'tfjs-node': {
      await load(`@tensorflow/${name}`);
      await use('tensorflow');
      // It says itself whether CUDA found a card; without one it computes on the cores.
      const isOnCard = (backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
      return { name, device: isOnCard ? 'gpu' : 'cpu', version, ...(isOnCard ? onCard : onCores) };
    }
    case 'wasm': {
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
      setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`);
      await use('wasm');
      return { name, device: 'cpu', version, ...onCores };
    }
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      await use('cpu');
      return { name, device: 'cpu', version, ...onCores };
  }
}

async function load(name: string): Promise<void> {
  try {
    await import(name);
  } catch (cause) {
    throw new TesseraError(
      'engine-failed',
      `${name} does not load (${(cause as Error).message}). Install ${name}@${version_core} beside Tessera, with its install script.`,
      { cause },
    );
  }
}

async function use(name: string): Promise<void> {
  // Else it advises on the console to install tfjs-node.
  env().set('PROD', true);
  if (!(await setBackend(name)))
    throw new TesseraError('engine-failed', `tfjs' backend ${name} does not start.`);
}
