/** What the pairs of a block read of its images, layer by layer on the device, and the images' own sums. */
import { type Tensor, tensor } from './algebra.js';
import type { ImageRecursion } from './image-recursion.js';

/** Over the pixels: means of the reference's variances, sums of the images' deviations. */
export interface Sums {
  qRef: number;
  thetaRef: number;
  r: Float64Array;
  rho: Float64Array;
}

export class Tables {
  readonly #recursion: ImageRecursion;
  readonly #keepsAll: boolean;
  readonly #layers: Tensor[] = [];
  readonly #sums: Sums[];
  #first: Tensor | null = null;

  /** @param keepsAll whether layers are read again once a later one has been */
  constructor(recursion: ImageRecursion, keepsAll: boolean) {
    this.#recursion = recursion;
    this.#keepsAll = keepsAll;
    this.#sums = [sumsOf(recursion)];
    const { pixels, count } = recursion;
    this.#first = tensor(recursion.halfVariances(), [pixels, count], 'float32');
  }

  /** q / 2 at the read-in, (pixels, images). */
  get halfVariances(): Tensor {
    if (this.#first === null) throw new Error('The tables are gone.');
    return this.#first;
  }

  /** (numbers, pixels, images): what takes pairs from `layer` to the next. */
  at(layer: number): Tensor {
    const { numbers, pixels, count } = this.#recursion;
    while (this.#layers.length <= layer) {
      if (!this.#keepsAll) this.#layers.at(-1)?.dispose();
      this.#layers.push(tensor(this.#recursion.step(), [numbers, pixels, count], 'float32'));
      this.#sums.push(sumsOf(this.#recursion));
    }
    return this.#layers[layer] as Tensor;
  }

  /** Of a depth whose layers have been read. */
  sums(depth: number): Sums {
    return this.#sums[depth] as Sums;
  }

  dispose(): void {
    this.#first?.dispose();
    this.#first = null;
    for (const layer of this.#layers) layer.dispose();
    this.#layers.length = 0;
  }
}

function sumsOf({ pixels, count, qRef, thetaRef, r, rho }: ImageRecursion): Sums {
  const over = (planes: Float64Array) => {
    const sums = new Float64Array(count);
    for (let at = 0; at < planes.length; at++) {
      sums[at % count] = (sums[at % count] as number) + (planes[at] as number);
    }
    return sums;
  };
  const mean = (plane: Float64Array) => plane.reduce((sum, v) => sum + v, 0) / pixels;
  return { qRef: mean(qRef), thetaRef: mean(thetaRef), r: over(r), rho: over(rho) };
}
