// What a device can do at most, measured: multiply-adds, bytes moved, and the arithmetic of a layer on registers alone.

/** CHAINS independent multiply-adds an item and step. */
#define CHAINS 8
__kernel void multiply_adds(const int steps, const real by, __global real *out) {
  real sums[CHAINS];
  for (int i = 0; i < CHAINS; i++) sums[i] = (real)(get_local_id(0) + i);
  for (int s = 0; s < steps; s++)
    for (int i = 0; i < CHAINS; i++) sums[i] = fma(sums[i], by, by);
  real sum = 0;
  for (int i = 0; i < CHAINS; i++) sum += sums[i];
  out[get_global_id(0)] = sum;
}

/** Reads and writes `count` numbers once. */
__kernel void copy_numbers(const int count, const __global real *from, __global real *to) {
  for (int i = get_global_id(0); i < count; i += get_global_size(0)) to[i] = from[i];
}

/**
 * `layers` layers of all three recursions of a pair in complement form, its images' numbers read from one place and its state held
 * in registers: neither tables nor the filter nor local memory. Begins anew every 32 layers, as far as numbers are ordinary.
 */
__kernel void layers_on_registers(__constant wide *net, const int layers, const __global real *numbers, __global real *out) {
  real delta = 0, tangent = 0, theta = 0, sum = 0;
  const real start = (real)0.25f + (real)(get_global_id(0) % 64) / (real)1024;
  for (int l = 0; l < layers; l++) {
    if (l % 32 == 0) {
      sum += delta + tangent + theta;
      delta = start, tangent = start, theta = start;
    }
    real value, slope, slopeComplement;
    pair_r(net, delta, numbers, 2, numbers + 1, 2, &value, &slope, &slopeComplement);
    delta = value;
    tangent = fma(slope, tangent, fma(slopeComplement, numbers[2 * PARAMETERS], value));
    theta = fma(slope, theta, numbers[2 * PARAMETERS + 1] - value);
  }
  out[get_global_id(0)] = sum + delta + tangent + theta;
}
