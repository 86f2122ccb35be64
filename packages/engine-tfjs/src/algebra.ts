/**
 * Arithmetic on whole arrays: the TensorFlow.js kernels the engine is made of, called without tfjs' gradient tape. Every
 * one of them is either exact or rounds correctly (IEEE 754), so that an entry's bits do not depend on where in a
 * tensor it stands; no backend's exp, asin or atan, no reduction whose order is the backend's, and no product in which an NVIDIA card
 * may round its factors to ten bits (TF32).
 */
import { engine, type NamedAttrMap, scalar, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';

/** The kernels a backend must have (test/kernels.test.ts holds them against the list of tfjs-node-gpu). */
export const kernels = [
  'Abs',
  'Add',
  'BatchMatMul',
  'Cast',
  'Concat',
  'Floor',
  'GatherV2',
  'Greater',
  'Maximum',
  'Minimum',
  'Multiply',
  'PadV2',
  'RealDiv',
  'Reshape',
  'Slice',
  'Sqrt',
  'Sub',
] as const;
type Kernel = (typeof kernels)[number];

type Inputs = Parameters<ReturnType<typeof engine>['runKernel']>[1];

const run = (kernel: Kernel, inputs: Record<string, Tensor> | Tensor[], attributes?: NamedAttrMap): Tensor =>
  engine().runKernel(kernel, inputs as Inputs, attributes) as Tensor;

export type Operand = Tensor | number;

/** Operations of one tile. Numbers become scalars on the device, made once and kept until `dispose`. */
export class Algebra {
  readonly #scalars = new Map<number, Tensor>();
  readonly #kept: Tensor[] = [];

  /** A tensor that lives until `dispose`, whatever scope it is made in. */
  keep(make: () => Tensor): Tensor {
    const made = engine().keep(make());
    this.#kept.push(made);
    return made;
  }

  dispose(): void {
    for (const kept of this.#kept) kept.dispose();
    this.#kept.length = 0;
    this.#scalars.clear();
  }

  #of(value: Operand): Tensor {
    if (typeof value !== 'number') return value;
    const known = this.#scalars.get(value);
    if (known !== undefined) return known;
    const made = this.keep(() => scalar(value, 'float32'));
    this.#scalars.set(value, made);
    return made;
  }

  #binary(kernel: Kernel, a: Operand, b: Operand): Tensor {
    return run(kernel, { a: this.#of(a), b: this.#of(b) });
  }

  add(a: Operand, b: Operand): Tensor {
    return this.#binary('Add', a, b);
  }
  sub(a: Operand, b: Operand): Tensor {
    return this.#binary('Sub', a, b);
  }
  mul(a: Operand, b: Operand): Tensor {
    return this.#binary('Multiply', a, b);
  }
  div(a: Operand, b: Operand): Tensor {
    return this.#binary('RealDiv', a, b);
  }
  max(a: Operand, b: Operand): Tensor {
    return this.#binary('Maximum', a, b);
  }
  min(a: Operand, b: Operand): Tensor {
    return this.#binary('Minimum', a, b);
  }
  /** a b + c, rounded twice. */
  mulAdd(a: Operand, b: Operand, c: Operand): Tensor {
    return this.add(this.mul(a, b), c);
  }
  /** x times a number of float64: float32's rounding of it alone would move all entries one way. */
  scale(x: Tensor, factor: number): Tensor {
    const high = Math.fround(factor);
    return this.mulAdd(x, high, this.mul(x, factor - high));
  }
  abs(x: Tensor): Tensor {
    return run('Abs', { x });
  }
  sqrt(x: Tensor): Tensor {
    return run('Sqrt', { x });
  }
  floor(x: Tensor): Tensor {
    return run('Floor', { x });
  }
  square(x: Tensor): Tensor {
    return this.mul(x, x);
  }
  /** 1 where a > b, else 0. */
  greater(a: Operand, b: Operand): Tensor {
    return run('Cast', { x: this.#binary('Greater', a, b) }, { dtype: 'float32' });
  }

  reshape(x: Tensor, shape: number[]): Tensor {
    return run('Reshape', { x }, { shape });
  }
  slice(x: Tensor, begin: number[], size: number[]): Tensor {
    return run('Slice', { x }, { begin, size });
  }
  concat(parts: Tensor[], axis: number): Tensor {
    return parts.length === 1 ? (parts[0] as Tensor) : run('Concat', parts, { axis });
  }
  gather(x: Tensor, indices: Tensor, axis: number): Tensor {
    return run('GatherV2', { x, indices }, { axis, batchDims: 0 });
  }
  /** x[.., table index ..]: the numbers of a table at indices that are whole numbers in float32. */
  lookUp(table: Tensor, at: Tensor): Tensor {
    return this.gather(table, run('Cast', { x: at }, { dtype: 'int32' }), 0);
  }
  padZeros(x: Tensor, axis: number, width: number): Tensor {
    const paddings = x.shape.map((_, each) => (each === axis ? [width, width] : [0, 0]));
    return run('PadV2', { x }, { paddings, constantValue: 0 } as unknown as NamedAttrMap);
  }
  /** (batch, n, k) times the transposed (batch, m, k). */
  outer(a: Tensor, b: Tensor): Tensor {
    return run('BatchMatMul', { a, b }, { transposeA: false, transposeB: true });
  }

  /** Sum over an axis by halves: the order is the same in a tensor of any other shape and on every backend. */
  sum(x: Tensor, axis: number): Tensor {
    let left = x;
    for (let length = x.shape[axis] as number; length > 1; length = left.shape[axis] as number) {
      const half = Math.floor(length / 2);
      const part = (begin: number, size: number) =>
        this.slice(
          left,
          left.shape.map((_, each) => (each === axis ? begin : 0)),
          left.shape.map((all, each) => (each === axis ? size : all)),
        );
      const halves = this.add(part(0, half), part(half, half));
      left = length % 2 === 0 ? halves : this.concat([halves, part(2 * half, 1)], axis);
    }
    return left;
  }
}

/** Runs operations and frees all they made but what is returned. */
export function scoped<T extends Tensor | Tensor[]>(operations: () => T): T {
  return tidy(operations);
}

export type { Tensor };
export { tensor };
