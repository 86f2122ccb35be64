/** Nodes and weights of tanh's expansion (kernels/fcn-tanh.cl; packages/engine-native/native/tanh.h). */

const TERMS = 128;
const NODES = 208;
const STEP = 0.0625;

let made: Float64Array | null = null;

/**
 * gauss[i] = 2 step phi(z_i), then (nodes, terms) of 2 step h_{2m+1}(z_i) phi(z_i), z_i = (i + 1) step, phi the normal density, h_n
 * the normalised Hermite polynomials, by the three-term recurrence of the Hermite functions h_n phi^(1/2), which stays bounded.
 */
export function tanhNodes(): Float64Array {
  made ??= make();
  return made;
}

function make(): Float64Array {
  const numbers = new Float64Array(NODES + NODES * TERMS);
  for (let i = 0; i < NODES; i++) {
    const z = (i + 1) * STEP;
    const rootDensity = 0.6316187777460647 * Math.exp((-z * z) / 4);
    numbers[i] = 2 * STEP * rootDensity * rootDensity;
    let [previous, current] = [rootDensity, z * rootDensity];
    for (let n = 1, m = 0; m < TERMS; n++) {
      if (n % 2 === 1) numbers[NODES + i * TERMS + m++] = 2 * STEP * rootDensity * current;
      const next = (z * current - Math.sqrt(n) * previous) / Math.sqrt(n + 1);
      previous = current;
      current = next;
    }
  }
  return numbers;
}
