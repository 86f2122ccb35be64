/** The engine's parts on their own, for benchmarks: arithmetic without memory, the kernel without its read-in, the read-in. */
import type { Activation, Precision } from '@tessera/spec';
import type { Machine } from './machine.js';
import { networkNumbers } from './network-numbers.js';

export { type ReadIn, readIn, runFcn } from './fcn.js';
export { type Machine, type MachineOptions, openMachine } from './machine.js';

export interface RegisterRun {
  activation: Activation;
  precision: Precision;
  weightVariance: number;
  biasVariance: number;
  /** Pairs of images of one variance. */
  level: boolean;
  /** Theta is carried beside Delta. */
  theta: boolean;
}

/**
 * Runs `layers` layers of the recursions (delta, Delta, and Theta where asked for) on vectors that
 * stay in the registers, on `cores` threads at once: no image parameters from memory, no results to it, no filter.
 * @returns nanoseconds for each entry and layer of one core
 */
export async function registerRate(
  { library, isa }: Machine,
  run: RegisterRun,
  layers: number,
  cores = 1,
): Promise<number> {
  const { kind, parameters } = networkNumbers(run.activation);
  const integers = Int32Array.of(
    isa.index,
    Number(run.precision === 'f32'),
    kind,
    Number(run.level),
    Number(run.theta),
  );
  const numbers = Float64Array.of(run.weightVariance, run.biasVariance, ...parameters);
  const started = process.hrtime.bigint();
  const runs = Array.from({ length: cores }, () => library.registers(integers, numbers, layers));
  const [entries] = await Promise.all(runs);
  return Number(process.hrtime.bigint() - started) / ((entries as number) * layers);
}
