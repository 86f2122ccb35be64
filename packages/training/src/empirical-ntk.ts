/** The NTK of a network of finite width at its initialisation: inner products of the parameters' gradients of one output. */
import { slice, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { inputCount } from '@tessera/spec';
import { grads } from './gradients.js';
import { applyNetwork, drawParameters, imageTensor, type NetworkSpec, parameterShapes } from './network.js';

/**
 * Theta(a, b) = sum over parameters of df(a) df(b), of the first output, (images, images) row-major. For a few images and
 * widths of some hundreds: all gradients of all images are in memory, in float32; the products are summed in float64.
 */
export async function empiricalNtk(
  spec: NetworkSpec,
  images: Float64Array,
  seed: number,
): Promise<Float64Array> {
  const inputs = inputCount(spec.shape);
  const count = images.length / inputs;
  const shapes = parameterShapes(spec);
  const parameters = drawParameters(spec, seed).map((values, i) => tensor(values, shapes[i] as number[]));
  const gradients: Float32Array[][] = [];
  try {
    for (let i = 0; i < count; i++) {
      const made = tidy(() => {
        const image = imageTensor(spec, images.subarray(i * inputs, (i + 1) * inputs));
        const first = (...all: Tensor[]) => sum(slice(applyNetwork(spec, all, image), [0, 0], [1, 1]));
        return grads(first)(parameters);
      });
      gradients.push((await Promise.all(made.map((each) => each.data()))) as Float32Array[]);
      for (const each of made) each.dispose();
    }
  } finally {
    for (const parameter of parameters) parameter.dispose();
  }
  const result = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      let total = 0;
      for (const [p, a] of (gradients[i] as Float32Array[]).entries()) {
        const b = gradients[j]?.[p] as Float32Array;
        for (let k = 0; k < a.length; k++) total += (a[k] as number) * (b[k] as number);
      }
      result[i * count + j] = total;
      result[j * count + i] = total;
    }
  }
  return result;
}
