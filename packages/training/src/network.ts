/**
 * Networks of finite width in the NTK parameterisation (Jacot et al. 2018), whose kernels become those of the engines as the
 * width grows: a read-in z_0 = x W / sqrt n_0 without bias; then `depth` times an activation and a layer
 * z <- sqrt(sw2 / n) phi(z) W + sqrt(sb2) b, of CNNs a convolution, n the pixels of its filter times the channels; of
 * CNNs at last the mean over pixels, or all of them, and a Dense. Every W and b is drawn from N(0, 1) and trained.
 */
import { add, concat, mean, mul, pad, reshape, slice, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { RandomStream } from '@tessera/dataset';
import { type Architecture, type ImageShape, inputCount, TesseraError } from '@tessera/spec';
import { applyActivation } from './activation.js';
import { product, productOfImages } from './product.js';

export interface NetworkSpec {
  architecture: Architecture;
  weightVariance: number;
  biasVariance: number;
  /** Layers behind the read-in; the kernel's depth. */
  depth: number;
  /** Neurons or channels of a hidden layer. */
  width: number;
  outputs: number;
  shape: ImageShape;
}

/** The shapes of the parameters, layer by layer: a matrix, and behind the read-in a bias. */
export function parameterShapes(spec: NetworkSpec): number[][] {
  const { architecture, depth, width, outputs, shape } = spec;
  if (architecture.family === 'fcn') {
    const sides = [inputCount(shape), ...new Array<number>(depth).fill(width), outputs];
    return sides.slice(1).flatMap((side, layer) => {
      const matrix = [sides[layer] as number, side];
      return layer === 0 ? [matrix] : [matrix, [side]];
    });
  }
  const { height, width: across, channels } = imageShape(shape);
  const layers: number[][] = [[channels, width]];
  for (let layer = 0; layer < depth; layer++)
    layers.push([architecture.filterSize ** 2 * width, width], [width]);
  const read = architecture.family === 'cnn-gap' ? width : height * across * width;
  return [...layers, [read, outputs], [outputs]];
}

function imageShape(shape: ImageShape) {
  if ('inputs' in shape) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
  return shape;
}

/** Parameters of a seed, standard normal by the polar method (Marsaglia and Bray 1964): the same on every machine. */
export function drawParameters(spec: NetworkSpec, seed: number): Float32Array[] {
  return parameterShapes(spec).map((shape, index) => {
    const stream = new RandomStream(seed, index);
    const uniform = () => (stream.next() + 0.5) / 2 ** 31 - 1;
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
    for (let i = 0; i < values.length; ) {
      const [u, v] = [uniform(), uniform()];
      const s = u * u + v * v;
      if (s >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      values[i++] = u * factor;
      if (i < values.length) values[i++] = v * factor;
    }
    return values;
  });
}

/** Images as a tensor: (images, inputs), of CNNs (images, height, width, channels). */
export function imageTensor({ architecture, shape }: NetworkSpec, data: Float64Array): Tensor {
  const inputs = inputCount(shape);
  const count = data.length / inputs;
  if (architecture.family === 'fcn') return tensor(Float32Array.from(data), [count, inputs]);
  const { height, width, channels } = imageShape(shape);
  return tensor(Float32Array.from(data), [count, height, width, channels]);
}

/** f(x), (images, outputs). */
export function applyNetwork(spec: NetworkSpec, parameters: readonly Tensor[], images: Tensor): Tensor {
  const { architecture, weightVariance, biasVariance, depth } = spec;
  const { family, activation, filterSize } = architecture;
  let next = 0;
  const parameter = () => parameters[next++] as Tensor;
  /** Of (items, n): sqrt(sw2 / n) x W + sqrt(sb2) b. */
  const dense = (x: Tensor) => {
    const matrix = parameter();
    const weighted = mul(product(x, matrix), Math.sqrt(weightVariance / (matrix.shape[0] as number)));
    return add(weighted, mul(parameter(), Math.sqrt(biasVariance)));
  };
  const readIn = (x: Tensor) => {
    const matrix = parameter();
    return mul(productOfImages(x, matrix), 1 / Math.sqrt(matrix.shape[0] as number)) as Tensor;
  };
  if (family === 'fcn') {
    let z = readIn(images);
    for (let layer = 0; layer < depth; layer++) z = dense(applyActivation(activation, z)) as Tensor;
    return z;
  }
  const [count, height, width, channels] = images.shape as [number, number, number, number];
  const onPixels = (x: Tensor, f: (rows: Tensor) => Tensor) => {
    const made = f(reshape(x, [count * height * width, x.shape[3] as number]));
    return reshape(made, [count, height, width, made.shape[1] as number]) as Tensor;
  };
  let z = onPixels(reshape(images, [count, height, width, channels]), readIn);
  for (let layer = 0; layer < depth; layer++) {
    z = onPixels(
      patches(applyActivation(activation, z), filterSize, architecture.padding === 'circular'),
      dense,
    );
  }
  const read =
    family === 'cnn-gap' ? mean(z, [1, 2]) : reshape(z, [count, height * width * (z.shape[3] as number)]);
  return dense(read) as Tensor;
}

/** Every pixel's f x f neighbours side by side as channels; beyond the border the other side, or zeros. */
function patches(x: Tensor, filterSize: number, wraps: boolean): Tensor {
  if (filterSize === 1) return x;
  const [count, height, width, channels] = x.shape as [number, number, number, number];
  const half = (filterSize - 1) / 2;
  const padded = wraps
    ? wrapped(wrapped(x, 1, half), 2, half)
    : pad(x, [
        [0, 0],
        [half, half],
        [half, half],
        [0, 0],
      ]);
  const parts: Tensor[] = [];
  for (let y = 0; y < filterSize; y++) {
    for (let left = 0; left < filterSize; left++) {
      parts.push(slice(padded, [0, y, left, 0], [count, height, width, channels]));
    }
  }
  return concat(parts, 3);
}

/** An axis continued periodically by `half` on either side. */
function wrapped(x: Tensor, axis: number, half: number): Tensor {
  const length = x.shape[axis] as number;
  const parts: Tensor[] = [];
  for (let at = -half; at < length + half; ) {
    const begin = ((at % length) + length) % length;
    const size = Math.min(length - begin, length + half - at);
    const from = x.shape.map((_, each) => (each === axis ? begin : 0));
    parts.push(
      slice(
        x,
        from,
        x.shape.map((all, each) => (each === axis ? size : all)),
      ),
    );
    at += size;
  }
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, axis);
}
