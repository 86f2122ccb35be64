// Fully connected networks in complement form, entry by entry (packages/engine-native/native/fcn.h states the recursion):
//   delta <- sw2 delta_T,  Delta <- delta_new + sw2 [T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
//   Theta <- K_new + sw2 T' Theta.
// A tile runs in segments of layers. In each, `fcn_images` writes what pairs read of every image, (layers + 1, NUMBERS_OF_IMAGE,
// images), and `fcn_pairs` takes every pair through the segment in registers; between segments pairs wait in `state`, (3, rows,
// cols). No item ever waits for another: there is no barrier here. `depths`: (layer within the segment, place in the result) of
// each depth of the segment, ascending.
#define HALF_VARIANCE PARAMETERS
#define HALF_THETA (PARAMETERS + 1)
#define THETA_DEVIATION (PARAMETERS + 2)
#define QUARTER_SLOPE_DEVIATION (PARAMETERS + 3)
#define NUMBERS_OF_IMAGE (PARAMETERS + 4)

/** Where an image's own recursion stands: q and Theta_aa as reference and deviation. */
typedef struct {
  wide qRef, q, thetaRef, theta;
} ImageState;

static ImageState imageStart(__constant wide *net, int isFirst, const __global wide *deviation, const __global wide *state, int count, int i) {
  ImageState s;
  if (isFirst) {
    s.qRef = net[REFERENCE];
    s.thetaRef = s.qRef;
    s.q = deviation[i];
    s.theta = s.q;
  } else {
    s.qRef = state[i];
    s.q = state[count + i];
    s.thetaRef = state[2 * count + i];
    s.theta = state[3 * count + i];
  }
  return s;
}
static void imageStore(const ImageState *s, __global wide *to, int count, int i) {
  to[i] = s->qRef;
  to[count + i] = s->q;
  to[2 * count + i] = s->thetaRef;
  to[3 * count + i] = s->theta;
}
/** The layer's numbers that every activation has, and the step to the next one. */
static void imageStep(__constant wide *net, ImageState *s, ImageDual_w dual, __global real *out, size_t stride) {
  const wide whole = s->thetaRef + s->theta;
  out[HALF_THETA * stride] = (real)(whole * (wide)0.5f);
  out[THETA_DEVIATION * stride] = (real)s->theta;
  out[QUARTER_SLOPE_DEVIATION * stride] = (real)(dual.slopeDeviation * (wide)0.25f);
  s->qRef = dual.value + net[BIAS];
  s->q = dual.valueDeviation;
  s->theta = s->q + fma(dual.slope, s->theta, dual.slopeDeviation * whole);
  s->thetaRef = fma(dual.slope, s->thetaRef, s->qRef);
}

#if ACTIVATION != TANH
/** An item an image of first..last-1 of `count`. readOut: (depths, 4, images) of the whole task. */
__kernel void fcn_images(__constant wide *net, const int first, const int last, const int count, const int layers, const int isFirst,
                         const int depthCount, const __global int *depths,
                         const __global wide *deviation, __global wide *state, __global real *table, __global wide *readOut) {
  const int i = first + get_global_id(0);
  if (i >= last) return;
  ImageState s = imageStart(net, isFirst, deviation, state, count, i);
  for (int l = 0, d = 0;; l++) {
    __global real *out = table + (size_t)l * NUMBERS_OF_IMAGE * count + i;
    out[(size_t)HALF_VARIANCE * count] = (real)((s.qRef + s.q) * (wide)0.5f);
    if (d < depthCount && depths[2 * d] == l) imageStore(&s, readOut + (size_t)depths[2 * d++ + 1] * 4 * count, count, i);
    if (l == layers) break;
    wide own[PARAMETERS + 1];
    const ImageDual_w dual = image_w(net, s.qRef, s.q, own);
    for (int p = 0; p < PARAMETERS; p++) out[(size_t)p * count] = (real)own[p];
    imageStep(net, &s, dual, out, count);
  }
  imageStore(&s, state, count, i);
}
#endif

/** ROWS rows of one column an item, from `firstRow` on; `diagonal`: pairs below it are left to `mirror`. wanted: 1 Delta, 2 Theta. */
__kernel void fcn_pairs(__constant wide *net, const int rows, const int cols, const int firstRow, const int lastRow, const int diagonal, const int rowImages,
                        const int rowOffset, const int colImages, const int colOffset, const int layers, const int isFirst, const int isLast,
                        const int depthCount, const __global int *depths, const int wanted, const __global real *rowTable,
                        const __global real *colTable, const __global real *start, __global real *state, __global real *nngp,
                        __global real *nngpComplement, __global real *ntk, __global real *ntkComplement) {
  const int col = get_global_id(0), first = firstRow + get_global_id(1) * ROWS;
  if (col >= cols || first >= lastRow || (diagonal && col < first)) return;
  const __global real *b = colTable + colOffset + col, *a = rowTable + rowOffset;
  const size_t sa = rowImages, sb = colImages, plane = (size_t)rows * cols;
  int row[ROWS];
  real delta[ROWS], tangent[ROWS], theta[ROWS];
  for (int r = 0; r < ROWS; r++) {
    row[r] = min(first + r, lastRow - 1);
    const size_t at = (size_t)row[r] * cols + col;
    if (isFirst) {
      delta[r] = start[at];
      tangent[r] = delta[r];
      theta[r] = (a[HALF_VARIANCE * sa + row[r]] + b[HALF_VARIANCE * sb]) - delta[r];
    } else {
      delta[r] = state[at];
      tangent[r] = state[plane + at];
      theta[r] = state[2 * plane + at];
    }
  }
  for (int l = 0, d = 0;; l++) {
    if (d < depthCount && depths[2 * d] == l) {
      const size_t position = depths[2 * d++ + 1];
      for (int r = 0; r < ROWS; r++) {
        if (first + r >= lastRow) continue;
        const size_t at = (position * rows + row[r]) * cols + col;
        if (wanted & 4) nngp[at] = (a[HALF_VARIANCE * sa + row[r]] + b[HALF_VARIANCE * sb]) - delta[r];
        if (wanted & 8) nngpComplement[at] = delta[r];
        if (wanted & 2) ntk[at] = theta[r];
        if (wanted & 1) ntkComplement[at] = tangent[r];
      }
    }
    if (l == layers) break;
    const __global real *nextA = a + NUMBERS_OF_IMAGE * sa, *nextB = b + NUMBERS_OF_IMAGE * sb;
    for (int r = 0; r < ROWS; r++) {
      const __global real *own = a + row[r];
      real value, slope, slopeComplement;
      pair_r(net, delta[r], own, sa, b, sb, &value, &slope, &slopeComplement);
      delta[r] = value;
      if (wanted & 1) {
        real sum = fma(slope, tangent[r], value);
        sum = fma(slopeComplement, own[HALF_THETA * sa] + b[HALF_THETA * sb], sum);
#if !LEVEL_SLOPES
        sum = fma(own[QUARTER_SLOPE_DEVIATION * sa] - b[QUARTER_SLOPE_DEVIATION * sb], own[THETA_DEVIATION * sa] - b[THETA_DEVIATION * sb], sum);
#endif
        tangent[r] = sum;
      }
      if (wanted & 2) theta[r] = fma(slope, theta[r], (nextA[HALF_VARIANCE * sa + row[r]] + nextB[HALF_VARIANCE * sb]) - value);
    }
    a = nextA;
    b = nextB;
  }
  if (isLast) return;
  for (int r = 0; r < ROWS; r++) {
    if (first + r >= lastRow) continue;
    const size_t at = (size_t)row[r] * cols + col;
    state[at] = delta[r];
    state[plane + at] = tangent[r];
    state[2 * plane + at] = theta[r];
  }
}
