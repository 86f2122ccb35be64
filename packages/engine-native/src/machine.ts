import { availableParallelism } from 'node:os';
import { TesseraError } from '@tessera/spec';
import { type InstructionSet, type Library, loadLibrary } from './library.js';

/** Where calls run: an instruction set, and how many threads each call takes. */
export interface Machine {
  library: Library;
  isa: InstructionSet;
  threads: number;
}

export interface MachineOptions {
  /** Threads of one call (default 1: workers run several calls at once, and bits do not depend on it). */
  threads?: number;
  /** Force an instruction set by name, for tests; default the best for this CPU. */
  instructionSet?: string;
}

/** @throws TesseraError `native-missing` when the library is not built; `engine-failed` for an unknown instruction set */
export function openMachine({ instructionSet, threads = 1 }: MachineOptions): Machine {
  const library = loadLibrary();
  const isa = library.instructionSets.find(
    ({ name }) => instructionSet === undefined || name === instructionSet,
  );
  if (isa === undefined) throw new TesseraError('engine-failed', `This CPU does not run ${instructionSet}.`);
  return { library, isa, threads: Math.max(1, Math.min(threads, availableParallelism())) };
}
