/**
 * What belongs to one image alone, in float64 on the host: its variances q and Theta_aa by pixel and layer, as the
 * reference's plus a deviation, and the parameters that its pairs read. A vector is an image of one pixel.
 */
import { type Dual, dualOf, type ImageBlock, type TileTask } from '@tessera/engine';

export interface Geometry {
  height: number;
  width: number;
  filterSize: number;
  wraps: boolean;
}

/** The geometry of a task; vectors have one pixel and no neighbours. */
export function geometryOf({
  architecture: { family, padding, filterSize },
  rows: { shape },
}: TileTask): Geometry {
  if (family === 'fcn' || 'inputs' in shape) return { height: 1, width: 1, filterSize: 1, wraps: true };
  return { height: shape.height, width: shape.width, filterSize, wraps: padding === 'circular' };
}

/**
 * q at the read-in, (pixels, images): the mean over channels of x^2. Pixels are taken as the pairs read them, bytes
 * exactly and other numbers in float32: else rounding would stand between q and the delta that is subtracted from it.
 */
export function pixelVariances({ data, count, bytes }: ImageBlock, pixels: number): Float64Array {
  const isExact = pixels === 1 || bytes?.normalization.kind === 'shared';
  const channels = data.length / count / pixels;
  const variances = new Float64Array(pixels * count);
  for (let i = 0, at = 0; i < count; i++) {
    for (let p = 0; p < pixels; p++) {
      let sum = 0;
      for (let c = 0; c < channels; c++, at++) {
        const x = data[at] as number;
        sum += (isExact ? x : Math.fround(x)) ** 2;
      }
      variances[p * count + i] = sum / channels;
    }
  }
  return variances;
}

/** Sums over the filter's window of planes (pixels, count), times `scale`, in place. Padding adds nothing. */
export function windowSums(planes: Float64Array, count: number, geometry: Geometry, scale: number): void {
  const { height, width, filterSize, wraps } = geometry;
  if (filterSize === 1) {
    for (let i = 0; i < planes.length; i++) planes[i] = (planes[i] as number) * scale;
    return;
  }
  const pass = (outer: number, length: number, inner: number, factor: number) => {
    const line = new Float64Array(length * inner);
    const half = (filterSize - 1) / 2;
    for (let block = 0; block < outer; block++) {
      const start = block * length * inner;
      line.fill(0);
      for (let x = 0; x < length; x++) {
        for (let b = -half; b <= half; b++) {
          const from = wraps ? (((x + b) % length) + length) % length : x + b;
          if (from < 0 || from >= length) continue;
          for (let i = 0; i < inner; i++) {
            const at = x * inner + i;
            line[at] = (line[at] as number) + (planes[start + from * inner + i] as number);
          }
        }
      }
      for (let i = 0; i < line.length; i++) planes[start + i] = (line[i] as number) * factor;
    }
  };
  pass(height, width, count, 1);
  pass(1, height, width * count, scale);
}

/** What writes an activation's parameters of a pixel. */
export interface Describer {
  parameters: number;
  describe(reference: number, q: number, r: number, write: (index: number, value: number) => void): void;
}

/** Numbers of an image's pixel that pairs in complement form read behind the activation's parameters. */
export const own = { halfTheta: 0, halfValue: 1, quarterRho: 2, slopeDeviation: 3, count: 4 } as const;

export class ImageRecursion {
  readonly pixels: number;
  readonly count: number;
  /** (pixels): of the reference, an image of equal pixels. */
  qRef: Float64Array;
  thetaRef: Float64Array;
  /** (pixels, images): q - q_ref and Theta_aa - Theta_ref. */
  r: Float64Array;
  rho: Float64Array;
  readonly #dual: Dual;
  readonly #describer: Describer | null;
  readonly #hasOwn: boolean;
  readonly #geometry: Geometry;
  readonly #task: TileTask;
  readonly #scale: number;

  /**
   * @param describer null where nobody reads parameters
   * @param hasOwn whether pairs read the numbers of `own`
   */
  constructor(
    task: TileTask,
    block: ImageBlock,
    geometry: Geometry,
    describer: Describer | null,
    hasOwn: boolean,
  ) {
    this.pixels = geometry.height * geometry.width;
    this.count = block.count;
    this.#task = task;
    this.#dual = dualOf(task.architecture.activation);
    this.#describer = describer;
    this.#hasOwn = hasOwn;
    this.#geometry = geometry;
    this.#scale = task.weightVariance / geometry.filterSize ** 2;
    this.qRef = new Float64Array(this.pixels).fill(task.referenceVariance);
    this.thetaRef = this.qRef;
    this.r = pixelVariances(block, this.pixels).map((q) => q - task.referenceVariance);
    this.rho = this.r;
  }

  /** How many numbers a pixel hands to its pairs. */
  get numbers(): number {
    return (this.#describer?.parameters ?? 0) + (this.#hasOwn ? own.count : 0);
  }

  /** q / 2, (pixels, images). */
  halfVariances(): Float32Array {
    return Float32Array.from(this.r, (r, at) => (r + (this.qRef[Math.floor(at / this.count)] as number)) / 2);
  }

  /** Goes one layer on; returns what the layer's pairs read, (numbers, pixels, images). */
  step(): Float32Array {
    const { pixels, count } = this;
    const [dual, describer] = [this.#dual, this.#describer];
    const extra = describer?.parameters ?? 0;
    const size = pixels * count;
    const numbers = new Float32Array(this.numbers * size);
    const values = new Float64Array(size);
    const tangents = new Float64Array(size);
    const valuesRef = new Float64Array(pixels);
    const tangentsRef = new Float64Array(pixels);
    for (let p = 0, at = 0; p < pixels; p++) {
      const [qRef, thetaRef] = [this.qRef[p] as number, this.thetaRef[p] as number];
      const reference = dual.variance(qRef);
      valuesRef[p] = reference.value;
      tangentsRef[p] = reference.derivative * thetaRef;
      for (let i = 0; i < count; i++, at++) {
        const [r, rho] = [this.r[at] as number, this.rho[at] as number];
        const q = Math.max(0, qRef + r);
        const more = dual.deviation(qRef, q, r);
        const theta = thetaRef + rho;
        values[at] = more.value;
        tangents[at] = reference.derivative * rho + more.derivative * theta;
        const here = at;
        describer?.describe(qRef, q, r, (index, value) => {
          numbers[index * size + here] = value;
        });
        if (!this.#hasOwn) continue;
        const put = (index: number, value: number) => {
          numbers[(extra + index) * size + here] = value;
        };
        put(own.halfTheta, theta / 2);
        put(own.halfValue, (this.#scale * (reference.value + more.value)) / 2);
        put(own.quarterRho, rho / 4);
        put(own.slopeDeviation, this.#scale * more.derivative);
      }
    }
    const sums = (planes: Float64Array, each: number) => {
      windowSums(planes, each, this.#geometry, this.#scale);
      return planes;
    };
    this.r = sums(values, count);
    this.rho = add(this.r, sums(tangents, count));
    this.qRef = sums(valuesRef, 1).map((v) => v + this.#task.biasVariance);
    this.thetaRef = add(this.qRef, sums(tangentsRef, 1));
    return numbers;
  }
}

const add = (a: Float64Array, b: Float64Array) => a.map((v, i) => v + (b[i] as number));
