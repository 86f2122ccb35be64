/**
 * The reference's planes under zero padding, K_ref(p, p + s) and Theta_ref of an image of equal pixels, in float64 on the
 * host: delta_ref = (q_ref(p) + q_ref(p'))/2 - K_ref from exactly 0. Partners wrap around the image: pairs one of which has left it
 * make a plane of another displacement, and windows are cut where they would cross from one into the other.
 */
import { type Dual, dualOf, type TileTask } from '@tessera/engine';
import type { DifferenceDual } from './duals/difference-dual.js';
import { type Geometry, ImageRecursion } from './image-recursion.js';

/** Numbers of a pixel pair of the reference behind the activation's own. */
export const ofReference = { theta: 0, value: 1, count: 2 } as const;

export class ReferencePlanes {
  readonly #task: TileTask;
  readonly #geometry: Geometry;
  readonly #partners: readonly Int32Array[];
  readonly #dual: Dual;
  readonly #differenceDual: DifferenceDual;
  readonly #image: ImageRecursion;
  readonly #scale: number;
  /** (displacements, pixels) */
  #delta: Float64Array;
  #theta: Float64Array;

  constructor(
    task: TileTask,
    geometry: Geometry,
    partners: readonly Int32Array[],
    differenceDual: DifferenceDual,
  ) {
    this.#task = task;
    this.#geometry = geometry;
    this.#partners = partners;
    this.#dual = dualOf(task.architecture.activation);
    this.#differenceDual = differenceDual;
    const none = { key: '', count: 0, shape: task.rows.shape, data: new Float64Array(0) };
    this.#image = new ImageRecursion(task, none, geometry, null, false);
    this.#scale = task.weightVariance / geometry.filterSize ** 2;
    const size = partners.length * geometry.height * geometry.width;
    this.#delta = new Float64Array(size);
    this.#theta = new Float64Array(size).fill(task.referenceVariance);
  }

  /** Sums of K_ref and Theta_ref over all pairs. */
  sums(): { k: number; theta: number } {
    const { qRef, pixels } = this.#image;
    let [k, theta] = [0, 0];
    for (const [s, partner] of this.#partners.entries()) {
      for (let p = 0; p < pixels; p++) {
        const mean = ((qRef[p] as number) + (qRef[partner[p] as number] as number)) / 2;
        k += mean - (this.#delta[s * pixels + p] as number);
        theta += this.#theta[s * pixels + p] as number;
      }
    }
    return { k, theta };
  }

  get numbers(): number {
    return this.#differenceDual.references + ofReference.count;
  }

  /** Goes one layer on; returns what the layer's pairs read, (numbers, displacements, pixels). */
  step(): Float32Array {
    const { qRef, pixels } = this.#image;
    const size = this.#delta.length;
    const numbers = new Float32Array(this.numbers * size);
    const own = this.#differenceDual.references;
    const halves = qRef.map((q) => this.#dual.variance(q).value / 2);
    const complements = new Float64Array(size);
    const tangents = new Float64Array(size);
    for (const [s, partner] of this.#partners.entries()) {
      for (let p = 0, at = s * pixels; p < pixels; p++, at++) {
        const p2 = partner[p] as number;
        const [qa, qb, delta] = [qRef[p] as number, qRef[p2] as number, this.#delta[at] as number];
        const theta = this.#theta[at] as number;
        const { complement, derivative } = this.#dual.pair({ qa, qb, e: qa - qb, delta });
        const value = (halves[p] as number) + (halves[p2] as number) - complement;
        complements[at] = complement;
        tangents[at] = derivative * theta + value;
        this.#differenceDual.describeReference(delta, qa, qb, (index, number) => {
          numbers[index * size + at] = number;
        });
        numbers[(own + ofReference.theta) * size + at] = theta;
        numbers[(own + ofReference.value) * size + at] = this.#scale * value;
      }
    }
    this.#filter(complements, tangents, halves);
    this.#image.step();
    return numbers;
  }

  /** Padding has variance 0: where one pixel of a pair lies in it, the complement is half of the other's T. */
  #filter(complements: Float64Array, tangents: Float64Array, halves: Float64Array): void {
    const { height, width, filterSize } = this.#geometry;
    const pixels = height * width;
    const half = (filterSize - 1) / 2;
    const isInside = (y: number, x: number) => y >= 0 && y < height && x >= 0 && x < width;
    const [delta, theta] = [new Float64Array(complements.length), new Float64Array(tangents.length)];
    for (const [s, partner] of this.#partners.entries()) {
      for (let p = 0; p < pixels; p++) {
        const p2 = partner[p] as number;
        const [y, x, y2, x2] = [Math.floor(p / width), p % width, Math.floor(p2 / width), p2 % width];
        let [sum, tangent] = [0, 0];
        for (let by = -half; by <= half; by++) {
          for (let bx = -half; bx <= half; bx++) {
            const [first, second] = [isInside(y + by, x + bx), isInside(y2 + by, x2 + bx)];
            const offset = by * width + bx;
            if (first && second) {
              sum += complements[s * pixels + p + offset] as number;
              tangent += tangents[s * pixels + p + offset] as number;
            } else if (first) sum += halves[p + offset] as number;
            else if (second) sum += halves[p2 + offset] as number;
          }
        }
        delta[s * pixels + p] = this.#scale * sum;
        theta[s * pixels + p] = this.#scale * tangent + this.#task.biasVariance;
      }
    }
    this.#delta = delta;
    this.#theta = theta;
  }
}
