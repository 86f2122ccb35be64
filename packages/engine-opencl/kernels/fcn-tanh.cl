// The images of a tanh network: a work-group an image, an item each of the TERMS terms of Mehler's expansion. nodes: gauss of each
// node, then (nodes, terms) of weights (packages/engine-native/native/tanh.h). Every item carries the image's state, with the same bits.
#define NODES 208
#define NODE_STEP 0.0625
__kernel __attribute__((reqd_work_group_size(TERMS, 1, 1))) void fcn_images(__constant wide *net, const int first, const int last, const int count,
                                                                            const int layers, const int isFirst, const int depthCount, const __global int *depths,
                                                                            const __global wide *deviation, __global wide *state,
                                                                            __global real *table, __global wide *readOut,
                                                                            const __global wide *nodes) {
  __local wide node[7][NODES], term[2][TERMS], sums[6];
  const int i = first + get_group_id(0), m = get_local_id(0);
  const size_t stride = count;
  const __global wide *weights = nodes + NODES;
  ImageState s = imageStart(net, isFirst, deviation, state, count, i);
  // Item 0 writes the state at the end; without layers nothing else keeps it from doing so before the others have read it.
  barrier(CLK_GLOBAL_MEM_FENCE);
  for (int l = 0, d = 0;; l++) {
    __global real *out = table + (size_t)l * NUMBERS_OF_IMAGE * stride + i;
    if (m == 0) out[HALF_VARIANCE * stride] = (real)((s.qRef + s.q) * (wide)0.5f);
    if (d < depthCount && depths[2 * d] == l) {
      if (m == 0) imageStore(&s, readOut + (size_t)depths[2 * d + 1] * 4 * count, count, i);
      d++;
    }
    if (l == layers) break;
    const wide q = whole_w(s.qRef, s.q), root = sqrt(q), rootRef = sqrt(s.qRef), du = s.q / (root + rootRef);
    const wide inverse = 0 < q ? (wide)1 / root : q * (wide)0, perBoth = inverse / rootRef;
    for (int k = m; k < NODES; k += TERMS) {
      const wide z = (wide)(k + 1) * (wide)NODE_STEP, gauss = nodes[k];
      const wide ref = tanhOf_w(rootRef * z), own = tanhOf_w(root * z);
      // tanh x - tanh y = tanh(x - y) (1 - tanh x tanh y).
      const wide more = tanhOf_w(du * z) * ((wide)1 - own * ref), sum = own + ref, bend = fma(-ref, ref, (wide)1), fall = -more * sum;
      const wide ratio = 0 < q ? own * inverse : z + q * (wide)0;
      node[0][k] = ratio;
      node[1][k] = 0 < q ? (rootRef * more - du * ref) * perBoth : ratio - ref / rootRef;
      node[2][k] = more;
      node[3][k] = ref * ref * gauss;
      node[4][k] = more * sum * gauss;
      node[5][k] = bend * bend * gauss;
      node[6][k] = fall * (bend + bend + fall) * gauss;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    wide alpha = 0, dAlpha = 0, whole = 0;
    for (int k = 0; k < NODES; k++) {
      const wide weight = weights[k * TERMS + m];
      alpha = fma(node[0][k], weight, alpha);
      dAlpha = fma(node[1][k], weight, dAlpha);
      whole = fma(node[2][k], weight, whole);
    }
    term[0][m] = q * alpha * alpha;
    term[1][m] = (wide)(2 * m + 1) * alpha * alpha;
    if (m < 4) {
      wide sum = m == 2 ? (wide)(NODE_STEP * 0.39894228040143268) : (wide)0;
      for (int k = 0; k < NODES; k++) sum += node[3 + m][k];
      sums[m] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (m < 2) {
      wide sum = 0;
      for (int k = 0; k < TERMS; k++) sum += term[m][k];
      sums[4 + m] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const wide scale = net[NUMBERS], noise = (wide)(1 - 4e-15);
    if (m == 0) {
      out[0] = (real)du;
      out[stride] = (real)root;
      out[2 * stride] = (real)inverse;
      out[3 * stride] = (real)(notNegative_w((sums[0] + sums[1]) * noise - sums[4]) * (wide)0.5f);
      out[4 * stride] = (real)(notNegative_w((sums[2] + sums[3]) * noise - sums[5]) * (wide)0.5f);
    }
    out[(5 + m) * stride] = (real)alpha;
    out[(5 + TERMS + m) * stride] = (real)dAlpha;
    out[(5 + 2 * TERMS + m) * stride] = (real)whole;
    const ImageDual_w dual = {scale * sums[0], scale * sums[2], scale * sums[1], scale * sums[3]};
    if (m == 0) {
      imageStep(net, &s, dual, out, stride);
    } else {
      const wide theta = s.thetaRef + s.theta;
      s.qRef = dual.value + net[BIAS];
      s.q = dual.valueDeviation;
      s.theta = s.q + fma(dual.slope, s.theta, dual.slopeDeviation * theta);
      s.thetaRef = fma(dual.slope, s.thetaRef, s.qRef);
    }
  }
  if (m == 0) imageStore(&s, state, count, i);
}
