// What depends on one image alone, in the wide type: variances by pixel and layer, as a reference that starts constant and an image's
// deviation from it, and what pairs read of them. And the reference's own planes of pixel pairs, for pooling under zero padding.
// packages/engine-native/native/cnn-images.h and cnn-reference.h state the recursions. A work-group an image, a layer or a displacement.

/** Parameters of a pixel beside the activation's own: Theta_aa / 2, T_aa / 2, and where slopes vary their deviation and that of Theta_aa / 4. */
#define HALF_THETA PARAMETERS
#define HALF_VALUE (PARAMETERS + 1)
#define SLOPE (PARAMETERS + 2)
#define QUARTER_THETA (PARAMETERS + 3)
#define PIXEL_NUMBERS (PARAMETERS + (LEVEL_SLOPES ? 2 : 4))
/** Of an image: its channels, then PIXEL_NUMBERS and, where differences are taken, DIFFERENCES planes of each layer. */
#define DIFFERENCE_NUMBERS (DIFFERENCED ? DIFFERENCES : 0)
#define LAYER_NUMBERS (PIXEL_NUMBERS + DIFFERENCE_NUMBERS)
/** Of the reference's pixels: the activation's own, q, scale T / 2, and the window's sum of the latter. */
#define REF_VARIANCE PARAMETERS
#define REF_HALF (PARAMETERS + 1)
#define REF_WINDOW (PARAMETERS + 2)
#define REF_NUMBERS (PARAMETERS + 3)
/** Of a reference pair: its activation's own, Theta_ref, scale T_ref. */
#define PAIR_THETA REFERENCES
#define PAIR_VALUE (REFERENCES + 1)
#define PAIR_NUMBERS (REFERENCES + 2)

#if STAGE_GLOBAL
#define STAGE_ARGUMENT(T) __global T *scratch
#define STAGE_OF(T, count) (scratch + (size_t)get_group_id(0) * (count))
#else
#define STAGE_ARGUMENT(T) __local T *scratch
#define STAGE_OF(T, count) (scratch)
#endif
#define EACH_PIXEL                        \
  UNROLL                                  \
  for (int k = 0; k < CELLS; k++)         \
    UNROLL                                \
    for (int r = 0, y, x; r < STRIP; r++) \
      if (pixelAt(&g, &place, k, r, &y, &x))

/** Planes q and Theta of the reference, (layers + 1, 2, pixels), and their means over the pixels, (depths, 2). One group. */
__kernel void reference_image(__constant wide *net, const int height, const int width, const int filter, const int circular, const int layers,
                              const int depthCount, const __global int *depths, __global wide *planes, __global wide *means,
                              STAGE_ARGUMENT(wide), __local wide *columns) {
  const Geometry g = GEOMETRY(height, width);
  const Place place = placeOf(&g);
  const int pixels = g.height * g.width;
  STAGE wide *stage = STAGE_OF(wide, 2 * pixels);
  wide q[HELD], theta[HELD];
  UNROLL
  for (int i = 0; i < HELD; i++) q[i] = net[REFERENCE], theta[i] = net[REFERENCE];
  const bool isActive = place.plane == 0;
  for (int l = 0, d = 0;; l++) {
    if (isActive) {
      EACH_PIXEL {
        const int at = y * g.width + x, i = k * STRIP + r;
        planes[(size_t)2 * l * pixels + at] = q[i];
        planes[(size_t)(2 * l + 1) * pixels + at] = theta[i];
      }
    }
    if (d < depthCount && depths[d] == l) {
      if (isActive) {
        EACH_PIXEL {
          stage[y * g.width + x] = q[k * STRIP + r];
          stage[pixels + y * g.width + x] = theta[k * STRIP + r];
        }
      }
      STAGE_BARRIER;
      sumColumns_w(stage, &g, 2, columns);
      STAGE_BARRIER;
      if (get_local_id(0) < 2) means[2 * d + get_local_id(0)] = sumOfColumns(columns + get_local_id(0) * g.width, g.width) / (wide)pixels;
      d++;
    }
    if (l == layers) break;
    if (isActive) {
      EACH_PIXEL {
        const int i = k * STRIP + r;
        wide own[PARAMETERS + 1];
        const ImageDual_w dual = image_w(net, q[i], 0, own);
        stage[y * g.width + x] = q[i] = dual.value;
        stage[pixels + y * g.width + x] = theta[i] = fma(dual.slope, theta[i], dual.value);
      }
    }
    STAGE_BARRIER;
    if (isActive) {
      UNROLL
      for (int k = 0; k < CELLS; k++) {
        int y, x;
        if (!pixelAt(&g, &place, k, 0, &y, &x)) continue;
        windowSums_w(stage, &g, y, x, q + k * STRIP);
        windowSums_w(stage + pixels, &g, y, x, theta + k * STRIP);
        UNROLL
        for (int r = 0; r < STRIP; r++) {
          q[k * STRIP + r] += net[BIAS];
          theta[k * STRIP + r] += net[BIAS];
        }
      }
    }
    // The next layer overwrites the stage that other items may still be reading.
    STAGE_BARRIER;
  }
}

/**
 * Tables of images first..., (channels + layers x LAYER_NUMBERS, pixels) each, and the sums over their pixels of the deviations of
 * q and Theta, (images, depths, 2). images: (images, pixels, channels).
 */
__kernel void image_tables(__constant wide *net, const int height, const int width, const int filter, const int circular, const int channels,
                           const int layers, const int first, const int depthCount, const __global int *depths, const __global wide *reference,
                           const __global wide *images, __global real *tables, __global wide *sums, STAGE_ARGUMENT(wide), __local wide *columns) {
  const Geometry g = GEOMETRY(height, width);
  const Place place = placeOf(&g);
  const int pixels = g.height * g.width;
  const size_t image = first + get_group_id(0);
  __global real *table = tables + image * (channels + (size_t)layers * LAYER_NUMBERS) * pixels;
  STAGE wide *stage = STAGE_OF(wide, 2 * pixels);
  const bool isActive = place.plane == 0;
  wide q[HELD], theta[HELD];
  if (isActive) {
    EACH_PIXEL {
      const int at = y * g.width + x;
      const __global wide *pixel = images + (image * pixels + at) * channels;
      wide deviation = 0;
      for (int c = 0; c < channels; c++) {
        deviation += fma(pixel[c], pixel[c], -net[REFERENCE]);
        table[(size_t)c * pixels + at] = (real)pixel[c];
      }
      const wide mean = deviation / (wide)channels;
      q[k * STRIP + r] = mean;
      theta[k * STRIP + r] = mean;
    }
  }
  for (int l = 0, d = 0;; l++) {
    if (d < depthCount && depths[d] == l) {
      if (isActive) {
        EACH_PIXEL {
          stage[y * g.width + x] = q[k * STRIP + r];
          stage[pixels + y * g.width + x] = theta[k * STRIP + r];
        }
      }
      STAGE_BARRIER;
      sumColumns_w(stage, &g, 2, columns);
      STAGE_BARRIER;
      if (get_local_id(0) < 2) sums[(image * depthCount + d) * 2 + get_local_id(0)] = sumOfColumns(columns + get_local_id(0) * g.width, g.width);
      d++;
    }
    if (l == layers) break;
    __global real *layer = table + (channels + (size_t)l * LAYER_NUMBERS) * pixels;
    if (isActive) {
      EACH_PIXEL {
        const int at = y * g.width + x, i = k * STRIP + r;
        const wide qRef = reference[(size_t)2 * l * pixels + at], whole = reference[(size_t)(2 * l + 1) * pixels + at] + theta[i];
        wide own[PARAMETERS + 1];
        const ImageDual_w dual = image_w(net, qRef, q[i], own);
        for (int p = 0; p < PARAMETERS; p++) layer[(size_t)p * pixels + at] = (real)own[p];
        layer[(size_t)HALF_THETA * pixels + at] = (real)(whole * (wide)0.5f);
        layer[(size_t)HALF_VALUE * pixels + at] = (real)((dual.value + dual.valueDeviation) * (wide)0.5f);
#if !LEVEL_SLOPES
        layer[(size_t)SLOPE * pixels + at] = (real)dual.slopeDeviation;
        layer[(size_t)QUARTER_THETA * pixels + at] = (real)(theta[i] * (wide)0.25f);
#endif
#if DIFFERENCED
        wide apart[DIFFERENCES + 1];
        differenceImage_w(net, qRef, q[i], apart);
        for (int p = 0; p < DIFFERENCES; p++) layer[(size_t)(PIXEL_NUMBERS + p) * pixels + at] = (real)apart[p];
#endif
        stage[at] = q[i] = dual.valueDeviation;
        stage[pixels + at] = theta[i] = fma(dual.slope, theta[i], fma(dual.slopeDeviation, whole, dual.valueDeviation));
      }
    }
    STAGE_BARRIER;
    if (isActive) {
      UNROLL
      for (int k = 0; k < CELLS; k++) {
        int y, x;
        if (!pixelAt(&g, &place, k, 0, &y, &x)) continue;
        windowSums_w(stage, &g, y, x, q + k * STRIP);
        windowSums_w(stage + pixels, &g, y, x, theta + k * STRIP);
      }
    }
    STAGE_BARRIER;
  }
}

#if DIFFERENCED
/** What the reference's pixels hand to their pairs, (layers, REF_NUMBERS, pixels). A group a layer. */
__kernel void reference_pixels(__constant wide *net, const int height, const int width, const int filter, const int first, const __global wide *reference,
                               __global wide *table, STAGE_ARGUMENT(wide)) {
  const int circular = 0;
  const Geometry g = GEOMETRY(height, width);
  const Place place = placeOf(&g);
  const int pixels = g.height * g.width, l = first + get_group_id(0);
  const __global wide *planes = reference + (size_t)2 * l * pixels;
  __global wide *here = table + (size_t)l * REF_NUMBERS * pixels;
  STAGE wide *stage = STAGE_OF(wide, pixels);
  const bool isActive = place.plane == 0;
  // Deviations from one pixel: exactly 0 as far from the border as the border has not been felt.
  const wide center = planes[g.height / 2 * g.width + g.width / 2];
  if (isActive) {
    EACH_PIXEL {
      const int at = y * g.width + x;
      wide own[PARAMETERS + 1];
      const ImageDual_w dual = image_w(net, center, planes[at] - center, own);
      for (int p = 0; p < PARAMETERS; p++) here[(size_t)p * pixels + at] = own[p];
      const wide half_ = (dual.value + dual.valueDeviation) * (wide)0.5f;
      here[(size_t)REF_VARIANCE * pixels + at] = planes[at];
      here[(size_t)REF_HALF * pixels + at] = half_;
      stage[at] = half_;
    }
  }
  STAGE_BARRIER;
  if (isActive) {
    wide sums[STRIP];
    for (int k = 0; k < CELLS; k++) {
      int y, x;
      if (!pixelAt(&g, &place, k, 0, &y, &x)) continue;
      for (int r = 0; r < STRIP; r++) sums[r] = y + r < g.height ? stage[(y + r) * g.width + x] : (wide)0;
      windowSums_w(stage, &g, y, x, sums);
      for (int r = 0; r < STRIP && y + r < g.height; r++) here[(size_t)REF_WINDOW * pixels + (y + r) * g.width + x] = sums[r];
    }
  }
}

/**
 * The reference's pixel pairs (p, p + s), by layer (layers, PAIR_NUMBERS, pixels) for displacements first... of the list, and the sums
 * of K_ref and Theta_ref, (displacements, depths, 2). In complement form itself: delta_ref begins at exactly 0. A padded pixel has
 * variance 0: where only p + b lies in the image the window takes T_ref(p + b) / 2.
 */
__kernel void reference_planes(__constant wide *net, const int height, const int width, const int filter, const int layers, const int first,
                               const int firstTable, const int depthCount, const __global int *depths, const __global int *displacements,
                               const __global wide *reference, const __global wide *refPixels, __global real *tables, __global wide *sums,
                               STAGE_ARGUMENT(wide), __local wide *columns) {
  const int which = first + get_group_id(0), dy = displacements[3 * which], dx = displacements[3 * which + 1];
  const int circular = 0;
  Geometry g = GEOMETRY(height, width);
  g.cutRow = g.height - dy;
  g.cutCol = g.width - dx;
  const Place place = placeOf(&g);
  const int pixels = g.height * g.width;
  const size_t slot = which - firstTable;
  __global real *table = tables + slot * layers * PAIR_NUMBERS * pixels;
  STAGE wide *stage = STAGE_OF(wide, 4 * pixels);
  const bool isActive = place.plane == 0;
  wide delta[HELD], theta[HELD];
  UNROLL
  for (int i = 0; i < HELD; i++) delta[i] = 0, theta[i] = net[REFERENCE];
  for (int l = 0, d = 0;; l++) {
    const __global wide *planes = reference + (size_t)2 * l * pixels;
    if (d < depthCount && depths[d] == l) {
      if (isActive) {
        EACH_PIXEL {
          const int at = y * g.width + x, partner = turned(y + dy, g.height) * g.width + turned(x + dx, g.width);
          stage[at] = (planes[at] + planes[partner]) * (wide)0.5f - delta[k * STRIP + r];
          stage[pixels + at] = theta[k * STRIP + r];
        }
      }
      STAGE_BARRIER;
      sumColumns_w(stage, &g, 2, columns);
      STAGE_BARRIER;
      if (get_local_id(0) < 2) sums[(slot * depthCount + d) * 2 + get_local_id(0)] = sumOfColumns(columns + get_local_id(0) * g.width, g.width);
      d++;
    }
    if (l == layers) break;
    const __global wide *own = refPixels + (size_t)l * REF_NUMBERS * pixels;
    __global real *layer = table + (size_t)l * PAIR_NUMBERS * pixels;
    if (isActive) {
      EACH_PIXEL {
        const int at = y * g.width + x, partner = turned(y + dy, g.height) * g.width + turned(x + dx, g.width), i = k * STRIP + r;
        wide complement, slope, slopeComplement, numbers[REFERENCES + 1];
        pair_w(net, delta[i], own + at, pixels, own + partner, pixels, &complement, &slope, &slopeComplement);
        const wide halfA = own[(size_t)REF_HALF * pixels + at], halfB = own[(size_t)REF_HALF * pixels + partner], dual = halfA + halfB - complement;
        differenceReference_w(net, delta[i], own[(size_t)REF_VARIANCE * pixels + at], own[(size_t)REF_VARIANCE * pixels + partner], numbers);
        for (int p = 0; p < REFERENCES; p++) layer[(size_t)p * pixels + at] = (real)numbers[p];
        layer[(size_t)PAIR_THETA * pixels + at] = (real)theta[i];
        layer[(size_t)PAIR_VALUE * pixels + at] = (real)dual;
        stage[at] = delta[i] = complement;
        stage[pixels + at] = halfA;
        stage[2 * pixels + at] = halfB;
        stage[3 * pixels + at] = theta[i] = fma(slope, theta[i], dual);
      }
    }
    STAGE_BARRIER;
    if (isActive) {
      wide lone[STRIP], other[STRIP];
      UNROLL
      for (int k = 0; k < CELLS; k++) {
        int y, x;
        if (!pixelAt(&g, &place, k, 0, &y, &x)) continue;
        UNROLL
        for (int r = 0; r < STRIP; r++) {
          const int at = (y + r) * g.width + x;
          lone[r] = y + r < g.height ? stage[pixels + at] : (wide)0;
          other[r] = y + r < g.height ? stage[2 * pixels + at] : (wide)0;
        }
        windowSums_w(stage, &g, y, x, delta + k * STRIP);
        windowSums_w(stage + pixels, &g, y, x, lone);
        windowSums_w(stage + 2 * pixels, &g, y, x, other);
        windowSums_w(stage + 3 * pixels, &g, y, x, theta + k * STRIP);
        UNROLL
        for (int r = 0; r < STRIP; r++) {
          if (y + r >= g.height) continue;
          const int at = (y + r) * g.width + x, partner = turned(y + r + dy, g.height) * g.width + turned(x + dx, g.width);
          // What the windows took from outside of the other pixel's image.
          delta[k * STRIP + r] += (own[(size_t)REF_WINDOW * pixels + at] - lone[r]) + (own[(size_t)REF_WINDOW * pixels + partner] - other[r]);
          theta[k * STRIP + r] += net[BIAS];
        }
      }
    }
    STAGE_BARRIER;
  }
}
#endif
