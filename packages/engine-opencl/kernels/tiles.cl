// What knows of no activation: mirror images of blocks, and sums of planes put together to a pair's entries. `totals` and `sums` are by
// planes: delta, Delta and, where it is carried, Theta.

/**
 * The mirror image of a block whose square begins on the diagonal: `from` (depths, rows, cols) -> `to` (depths, cols, rows). Of the
 * square only what lies on and above the diagonal is read.
 */
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void mirror(const int rows, const int cols, const int diagonal, const __global real *from,
                                                                          __global real *to) {
  __local real square[SIDE][SIDE + 1];
  const int x = get_local_id(0), y = get_local_id(1), firstCol = get_group_id(0) * SIDE, firstRow = get_group_id(1) * SIDE;
  const size_t depth = get_group_id(2);
  const int row = firstRow + y, col = firstCol + x;
  if (row < rows && col < cols) {
    const bool below = diagonal && col < row;
    square[y][x] = from[(depth * rows + (below ? col : row)) * cols + (below ? row : col)];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (firstCol + y < cols && firstRow + x < rows) to[(depth * cols + firstCol + y) * rows + firstRow + x] = square[x][y];
}

/**
 * Adds the sums of a pair's planes to its totals, (pairs, depths, planes), in the order of the displacements. The plane of a displacement
 * stands for itself and its mirror image where displacements[3 d + 2] is 2; two orders are added up first, so that swapping the
 * images changes no bit. `isFirst`: totals begin at 0. orders 1 is a pair whose plane s = 0 counts `once` or, an image with itself, not.
 */
__kernel void fold_planes(const int firstPair, const int pairCount, const int orders, const int displacementCount, const int firstDisplacement,
                          const int once, const int isFirst, const int numbers, const __global int *displacements, const __global wide *sums,
                          __global wide *totals) {
  const int pair = get_global_id(1), k = get_global_id(0);
  if (k >= numbers || pair >= pairCount) return;
  __global wide *total = totals + (size_t)(firstPair + pair) * numbers + k;
  wide sum = isFirst ? (wide)0 : *total;
  for (int d = 0; d < displacementCount; d++) {
    const __global int *displacement = displacements + 3 * (firstDisplacement + d);
    const __global wide *here = sums + ((size_t)pair * displacementCount + d) * orders * numbers + k;
    const bool isStill = displacement[0] == 0 && displacement[1] == 0;
    const wide stands = (wide)displacement[2];
    if (isStill) sum += once ? here[0] : (wide)0;
    else if (orders == 2) sum += stands * (wide)0.5f * here[0] + stands * (wide)0.5f * here[numbers];
    else sum += stands * here[0];
  }
  *total = sum;
}

/** The same for the reference's sums, (displacements, numbers). */
__kernel void fold_references(const int displacementCount, const int firstDisplacement, const int isFirst, const int numbers,
                              const __global int *displacements, const __global wide *sums, __global wide *totals) {
  const int k = get_global_id(0);
  if (k >= numbers) return;
  wide sum = isFirst ? (wide)0 : totals[k];
  for (int d = 0; d < displacementCount; d++) sum += (wide)displacements[3 * (firstDisplacement + d) + 2] * sums[(size_t)d * numbers + k];
  totals[k] = sum;
}

/** Puts the totals of pairs together and writes their entries, (depths in the task's order, rows, cols). An item a pair and depth. */
__kernel void finish_pairs(__constant wide *net, const int pairCount, const int rows, const int cols, const int pixels, const int pooled,
                           const int differenced, const int firstSame, const int depthCount, const int planes, const __global int *positions,
                           const __global int *carried, const int wanted, const __global int *pairs,
                           const __global wide *totals, const __global wide *rowSums, const __global wide *colSums, const __global wide *means,
                           const __global wide *referenceTotals, __global real *nngp, __global real *nngpComplement, __global real *ntk,
                           __global real *ntkComplement) {
  const int pair = get_global_id(0), d = get_global_id(1);
  if (pair >= pairCount) return;
  const int i = pairs[2 * pair], j = pairs[2 * pair + 1];
  const __global wide *a = rowSums + ((size_t)i * depthCount + d) * 2, *b = colSums + ((size_t)j * depthCount + d) * 2;
  const __global wide *total = totals + ((size_t)pair * depthCount + d) * planes;
  const wide count = pooled ? (wide)pixels * (wide)pixels : (wide)pixels, sw2 = net[WEIGHT];
  const wide q = (a[0] + b[0]) * (wide)0.5f, theta = (a[1] + b[1]) * (wide)0.5f;
  const wide complement = sw2 * (differenced ? total[0] - q : total[0]) / count;
  const wide k = (differenced ? sw2 * referenceTotals[2 * d] / count : sw2 * (means[2 * d] + q / (wide)pixels)) + net[BIAS] - complement;
  // Means of the deviations from Theta of the reference, or of the images, and of Theta itself.
  const wide apart = (differenced ? total[1] - theta : total[1]) / count;
  wide product = (differenced ? referenceTotals[2 * d + 1] / count : means[2 * d + 1] + theta / (wide)pixels) - apart;
  // The plane s = 0 of an image with itself: no complement, and Theta_aa.
  if (carried[d]) product = (total[2] + (pair >= firstSame ? theta + means[2 * d + 1] * (wide)pixels : (wide)0)) / count;
  const size_t at = ((size_t)positions[d] * rows + i) * cols + j;
  if (wanted & 4) nngp[at] = (real)k;
  if (wanted & 8) nngpComplement[at] = (real)complement;
  if (wanted & 2) ntk[at] = (real)(k + sw2 * product);
  if (wanted & 1) ntkComplement[at] = (real)(complement + sw2 * apart);
}
