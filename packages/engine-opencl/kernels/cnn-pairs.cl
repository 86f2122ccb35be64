// Pairs of images: planes M(p) = M(p, p + s) of one displacement s through all layers (packages/engine-native/native/cnn.h):
//   delta <- A[delta_T],  Delta <- delta_new + A[T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
//   Theta <- K_new + A[T' Theta] where it is CARRIED,
// or, DIFFERENCED, the same as differences D = K_ref - K from the reference's pairs. A job is a plane: displacement d of a pair, and
// of two different images both orders, (pairs, displacements, orders). A work-group takes `together` jobs through all layers and
// writes their sums over the pixels, (jobs, depths, PLANES).
#define PLANES (2 + CARRIED)

__kernel void pair_planes(__constant wide *net, const int height, const int width, const int filter, const int circular, const int channels,
                          const int layers, const int together, const int firstJob, const int lastJob, const int orders, const int displacementCount,
                          const int firstDisplacement, const int isDisplaced, const int depthCount, const __global int *depths,
                          const __global int *displacements, const __global int *pairs, const __global real *rowTables,
                          const __global real *colTables, const __global real *references, __global wide *sums, STAGE_ARGUMENT(real),
                          __local wide *columns) {
  Geometry g = GEOMETRY(height, width);
  const Place place = placeOf(&g);
  const int pixels = g.height * g.width, job = firstJob + (int)get_group_id(0) * together + place.plane;
  // Items without a job go through all barriers with the others.
  const bool isActive = place.plane < together && job < lastJob;
  const int known = isActive ? job : firstJob, order = known % orders, which = known / orders % displacementCount, pair = known / orders / displacementCount;
  const int dy = displacements[3 * (firstDisplacement + which)], dx = displacements[3 * (firstDisplacement + which) + 1];
  g.cutRow = g.height - dy;
  g.cutCol = g.width - dx;
  const size_t imageSize = (channels + (size_t)layers * LAYER_NUMBERS) * pixels;
  const __global real *row = rowTables + pairs[2 * pair] * imageSize, *col = colTables + pairs[2 * pair + 1] * imageSize;
  const __global real *imageA = order ? col : row, *imageB = order ? row : col;
  STAGE real *stages = STAGE_OF(real, together * PLANES * pixels), *stage = stages + (place.plane < together ? place.plane : 0) * PLANES * pixels;
  real delta[HELD], tangent[HELD];
#if CARRIED
  real theta[HELD];
#endif
  if (isActive) {
    EACH_PIXEL {
      const int at = y * g.width + x, partner = turned(y + dy, g.height) * g.width + turned(x + dx, g.width), i = k * STRIP + r;
      real products = 0, squares = 0;
      for (int c = 0; c < channels; c++) {
        const real a = imageA[(size_t)c * pixels + at], b = imageB[(size_t)c * pixels + partner];
        products = fma(a, b, products);
        squares = fma(a - b, a - b, squares);
      }
      const real product = products / (real)channels;
#if CARRIED
      theta[i] = product;
#endif
#if DIFFERENCED
      delta[i] = isDisplaced ? (real)net[REFERENCE] - product : squares / (real)(2 * channels);
#else
      delta[i] = squares / (real)(2 * channels);
#endif
      tangent[i] = delta[i];
    }
  }
  for (int l = 0, d = 0;; l++) {
    if (d < depthCount && depths[d] == l) {
      if (isActive) {
        EACH_PIXEL {
          const int at = y * g.width + x, i = k * STRIP + r;
          stage[at] = delta[i];
          stage[pixels + at] = tangent[i];
#if CARRIED
          stage[2 * pixels + at] = theta[i];
#endif
        }
      }
      STAGE_BARRIER;
      const int groupJobs = min(together, lastJob - firstJob - (int)get_group_id(0) * together);
      sumColumns_r(stages, &g, groupJobs * PLANES, columns);
      STAGE_BARRIER;
      for (int q = get_local_id(0); q < groupJobs * PLANES; q += get_local_size(0)) {
        const size_t at = (size_t)(firstJob + get_group_id(0) * together + q / PLANES) * depthCount + d;
        sums[at * PLANES + q % PLANES] = sumOfColumns(columns + q * g.width, g.width);
      }
      d++;
    }
    if (l == layers) break;
    if (isActive) {
      const __global real *layerA = imageA + (channels + (size_t)l * LAYER_NUMBERS) * pixels;
      const __global real *layerB = imageB + (channels + (size_t)l * LAYER_NUMBERS) * pixels;
      EACH_PIXEL {
        const int at = y * g.width + x, partner = turned(y + dy, g.height) * g.width + turned(x + dx, g.width), i = k * STRIP + r;
        const __global real *a = layerA + at, *b = layerB + partner;
        real value, slope, slopeChange;
#if DIFFERENCED
        if (isDisplaced) {
          const __global real *reference = references + ((size_t)which * layers + l) * PAIR_NUMBERS * pixels + at;
          differencePair_r(net, delta[i], a + (size_t)PIXEL_NUMBERS * pixels, pixels, b + (size_t)PIXEL_NUMBERS * pixels, pixels, reference, pixels, &value,
                           &slope, &slopeChange);
          stage[at] = delta[i] = value;
          stage[pixels + at] = tangent[i] = fma(slope, tangent[i], fma(slopeChange, reference[(size_t)PAIR_THETA * pixels], value));
#if CARRIED
          stage[2 * pixels + at] = theta[i] = fma(slope, theta[i], reference[(size_t)PAIR_VALUE * pixels] - value);
#endif
          continue;
        }
#endif
        pair_r(net, delta[i], a, pixels, b, pixels, &value, &slope, &slopeChange);
        real sum = fma(slope, tangent[i], fma(slopeChange, a[(size_t)HALF_THETA * pixels] + b[(size_t)HALF_THETA * pixels], value));
#if !LEVEL_SLOPES
        sum = fma(a[(size_t)SLOPE * pixels] - b[(size_t)SLOPE * pixels], a[(size_t)QUARTER_THETA * pixels] - b[(size_t)QUARTER_THETA * pixels], sum);
#endif
        stage[at] = delta[i] = value;
        stage[pixels + at] = tangent[i] = sum;
#if CARRIED
        stage[2 * pixels + at] = theta[i] = fma(slope, theta[i], (a[(size_t)HALF_VALUE * pixels] + b[(size_t)HALF_VALUE * pixels]) - value);
#endif
      }
    }
    STAGE_BARRIER;
    if (isActive) {
      UNROLL
      for (int k = 0; k < CELLS; k++) {
        int y, x;
        if (!pixelAt(&g, &place, k, 0, &y, &x)) continue;
        windowSums_r(stage, &g, y, x, delta + k * STRIP);
        windowSums_r(stage + pixels, &g, y, x, tangent + k * STRIP);
#if CARRIED
        windowSums_r(stage + 2 * pixels, &g, y, x, theta + k * STRIP);
        UNROLL
        for (int r = 0; r < STRIP; r++) theta[k * STRIP + r] += (real)net[BIAS];
#endif
      }
    }
    STAGE_BARRIER;
  }
}
