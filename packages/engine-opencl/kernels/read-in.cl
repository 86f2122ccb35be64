// The read-in of a fully connected network: |a - b|^2 / (2 n) of each pair of images. Every entry is summed in the same order,
// whatever the tile. Work-groups of 16 x 16 items, each of EACH x EACH pairs; `diagonal`: columns are the rows, and groups below the
// diagonal have nothing to do (all of a group's items leave together, before any barrier).
#define SIDE 16

/** Byte images, exact in integers: words of four bytes, zeros past an image's end. sums: sum and sum of squares of each image. */
#define BYTE_EACH 4
#define BYTE_STEP 8
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void read_in_bytes(
    __constant wide *numbers, const int rowCount, const int colCount, const int words, const int inputs, const int own, const int diagonal,
    const __global uint *rows, const __global uint *cols, const __global long *rowSums, const __global long *colSums, __global real *complement) {
  __local uint rowWords[BYTE_STEP][SIDE * BYTE_EACH + 1], colWords[BYTE_STEP][SIDE * BYTE_EACH + 1];
  const int x = get_local_id(0), y = get_local_id(1), block = SIDE * BYTE_EACH;
  const int firstCol = get_group_id(0) * block, firstRow = get_group_id(1) * block;
  if (diagonal && firstCol + block <= firstRow) return;
  uint part[BYTE_EACH][BYTE_EACH];
  ulong total[BYTE_EACH][BYTE_EACH];
  for (int i = 0; i < BYTE_EACH; i++)
    for (int j = 0; j < BYTE_EACH; j++) part[i][j] = 0, total[i][j] = 0;
  for (int first = 0; first < words; first += BYTE_STEP) {
    for (int k = y * SIDE + x; k < block * BYTE_STEP; k += SIDE * SIDE) {
      const int image = k / BYTE_STEP, word = k % BYTE_STEP, at = first + word;
      const int row = min(firstRow + image, rowCount - 1), col = min(firstCol + image, colCount - 1);
      rowWords[word][image] = at < words ? rows[(size_t)row * words + at] : 0;
      colWords[word][image] = at < words ? cols[(size_t)col * words + at] : 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int word = 0; word < BYTE_STEP; word++) {
      for (int i = 0; i < BYTE_EACH; i++) {
        const uint a = rowWords[word][i * SIDE + y];
        for (int j = 0; j < BYTE_EACH; j++) {
          const uint b = colWords[word][j * SIDE + x];
          part[i][j] += (a & 255) * (b & 255) + (a >> 8 & 255) * (b >> 8 & 255) + (a >> 16 & 255) * (b >> 16 & 255) + (a >> 24) * (b >> 24);
        }
      }
    }
    // The next step overwrites the words that other items may still be reading.
    barrier(CLK_LOCAL_MEM_FENCE);
    // 32 bytes a step add at most 2,080,800: emptied long before 2^32.
    if ((first / BYTE_STEP) % 1024 == 1023 || first + BYTE_STEP >= words) {
      for (int i = 0; i < BYTE_EACH; i++)
        for (int j = 0; j < BYTE_EACH; j++) total[i][j] += part[i][j], part[i][j] = 0;
    }
  }
  for (int i = 0; i < BYTE_EACH; i++) {
    const int row = firstRow + i * SIDE + y;
    if (row >= rowCount) continue;
    for (int j = 0; j < BYTE_EACH; j++) {
      const int col = firstCol + j * SIDE + x;
      if (col >= colCount) continue;
      const long dot = (long)total[i][j], sa = rowSums[2 * row], sb = colSums[2 * col], na = rowSums[2 * row + 1], nb = colSums[2 * col + 1];
      wide value;
      if (own) {
        // 1 - Z_ab / sqrt(Z_aa Z_bb), Z = n sum x y - sum x sum y; for Z_ab > 0 by Z_aa Z_bb - Z_ab^2 in 128 bits, exact.
        const long n = inputs, za = n * na - sa * sa, zb = n * nb - sb * sb, z = n * dot - sa * sb;
        const ulong a = za, b = zb, c = abs(z), low = a * b, square = c * c;
        const ulong high = mul_hi(a, b) - mul_hi(c, c) - (low < square);
        const wide positive = (wide)high * (wide)18446744073709551616.0 + (wide)(low - square), root = sqrt((wide)za * (wide)zb);
        value = z > 0 ? positive / (root * (root + (wide)z)) : (root - (wide)z) / root;
      } else {
        value = numbers[0] * (wide)(na + nb - 2 * dot);
      }
      complement[(size_t)row * colCount + col] = (real)value;
    }
  }
}

/** Images of numbers, by their differences: nothing cancels, however near two images are. */
#define NUMBER_EACH 2
#define NUMBER_STEP 16
__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void read_in_numbers(
    const int rowCount, const int colCount, const int inputs, const int diagonal, const __global wide *rows, const __global wide *cols,
    __global real *complement) {
  __local wide rowNumbers[NUMBER_STEP][SIDE * NUMBER_EACH + 1], colNumbers[NUMBER_STEP][SIDE * NUMBER_EACH + 1];
  const int x = get_local_id(0), y = get_local_id(1), block = SIDE * NUMBER_EACH;
  const int firstCol = get_group_id(0) * block, firstRow = get_group_id(1) * block;
  if (diagonal && firstCol + block <= firstRow) return;
  wide total[NUMBER_EACH][NUMBER_EACH];
  for (int i = 0; i < NUMBER_EACH; i++)
    for (int j = 0; j < NUMBER_EACH; j++) total[i][j] = 0;
  for (int first = 0; first < inputs; first += NUMBER_STEP) {
    for (int k = y * SIDE + x; k < block * NUMBER_STEP; k += SIDE * SIDE) {
      const int image = k / NUMBER_STEP, place = k % NUMBER_STEP, at = first + place;
      const int row = min(firstRow + image, rowCount - 1), col = min(firstCol + image, colCount - 1);
      rowNumbers[place][image] = at < inputs ? rows[(size_t)row * inputs + at] : 0;
      colNumbers[place][image] = at < inputs ? cols[(size_t)col * inputs + at] : 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    // A sum of each step's own keeps float's rounding small.
    for (int i = 0; i < NUMBER_EACH; i++) {
      for (int j = 0; j < NUMBER_EACH; j++) {
        wide part = 0;
        for (int place = 0; place < NUMBER_STEP; place++) {
          const wide apart = rowNumbers[place][i * SIDE + y] - colNumbers[place][j * SIDE + x];
          part = fma(apart, apart, part);
        }
        total[i][j] += part;
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < NUMBER_EACH; i++) {
    const int row = firstRow + i * SIDE + y;
    for (int j = 0; j < NUMBER_EACH; j++) {
      const int col = firstCol + j * SIDE + x;
      if (row < rowCount && col < colCount) complement[(size_t)row * colCount + col] = (real)(total[i][j] / (wide)(2.0f * inputs));
    }
  }
}
