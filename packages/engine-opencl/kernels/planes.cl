// The filter's window on planes of pixel pairs, in one precision (included as duals.cl is). A work-group takes one or more planes
// of height x width through all layers. An item holds CELLS cells of a plane, a cell being STRIP pixels of one column, in registers;
// what the filter sums goes through `stage`, in local memory or, where a plane does not fit there (STAGE_GLOBAL), in global.
//
// The order of every sum is that of the pixels, never that of the items: no bit depends on STRIP, CELLS or the group's size.
//
// UNROLLED: the sizes HEIGHT, WIDTH, FILTER and CIRCULAR are the compiler's, so that places cost no division, windows no loop, and what
// an item holds stays in registers. Else they are arguments.
#ifndef STAGE
#if UNROLLED
#define UNROLL _Pragma("unroll")
#define KNOWN(constant, argument) (constant)
#else
#define UNROLL
#define KNOWN(constant, argument) (argument)
#endif
#define GEOMETRY(cutRow, cutCol) \
  {KNOWN(HEIGHT, height), KNOWN(WIDTH, width), KNOWN(FILTER, filter), KNOWN(CIRCULAR, circular), cutRow, cutCol}
#if STAGE_GLOBAL
#define STAGE __global
#define STAGE_BARRIER barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE)
#else
#define STAGE __local
#define STAGE_BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#endif
#define HELD (CELLS * STRIP)

typedef struct {
  int height, width, filter, circular;
  /** Where the planes of two displacements that fill one plane under zero padding meet: no window crosses it. */
  int cutRow, cutCol;
} Geometry;

/** An item's place: its cells are first, first + step, ... of `cells`, in plane `plane` of its group. */
typedef struct {
  int plane, first, step, cells;
} Place;
static Place placeOf(const Geometry *g) {
  Place place;
  place.cells = (g->height + STRIP - 1) / STRIP * g->width;
  place.step = min(place.cells, (int)get_local_size(0));
  place.plane = get_local_id(0) / place.step;
  place.first = get_local_id(0) % place.step;
  return place;
}
/** Pixel r of cell k of the item: its row and column; false outside of the plane. */
static bool pixelAt(const Geometry *g, const Place *place, int k, int r, int *y, int *x) {
  const int cell = place->first + k * place->step;
  *x = cell % g->width;
  *y = cell / g->width * STRIP + r;
  // An item with a plane has its first cell in it.
  return (CELLS == 1 || cell < place->cells) && (g->height % STRIP == 0 || *y < g->height);
}
/** at mod size, for at in [0, 2 size). */
static int turned(int at, int size) { return at < size ? at : at - size; }
static int wrapped(int at, int size) {
  while (at < 0) at += size;
  while (at >= size) at -= size;
  return at;
}
#endif

/**
 * Sums over the window around STRIP pixels from row y of column x, whose own numbers `sums` holds at first; the others' are read from
 * the stage. Rows are added top to bottom, within a row left to right.
 */
static inline __attribute__((always_inline)) void F(windowSums)(const STAGE T *plane, const Geometry *g, int y, int x, T *sums) {
#if UNROLLED && FILTER == 3
  const bool hasLeft = g->circular || (x > 0 && x != g->cutCol), hasRight = g->circular || (x + 1 < g->width && x + 1 != g->cutCol);
  const int left = x > 0 ? x - 1 : g->width - 1, right = x + 1 < g->width ? x + 1 : 0;
  T rows[STRIP + 2];
  UNROLL
  for (int k = 0; k < STRIP + 2; k++) {
    const int at = y + k - 1, r = at < 0 ? g->height - 1 : at < g->height ? at : 0;
    const STAGE T *row = plane + r * g->width;
    const bool isOwn = k > 0 && k <= STRIP && (g->height % STRIP == 0 || at < g->height);
    const T own = isOwn ? sums[k > 0 && k <= STRIP ? k - 1 : 0] : row[x];
    rows[k] = ((hasLeft ? row[left] : (T)0) + own) + (hasRight ? row[right] : (T)0);
  }
  UNROLL
  for (int k = 0; k < STRIP; k++) {
    const bool hasTop = g->circular || (y + k > 0 && y + k != g->cutRow);
    const bool hasBottom = g->circular || (y + k + 1 < g->height && y + k + 1 != g->cutRow);
    sums[k] = ((hasTop ? rows[k] : (T)0) + rows[k + 1]) + (hasBottom ? rows[k + 2] : (T)0);
  }
#else
  const int before = g->filter / 2, after = g->filter - 1 - before, end = min(y + STRIP, g->height);
  for (int k = 0; k < STRIP; k++) sums[k] = 0;
  for (int r = y - before; r < end + after; r++) {
    const bool isInside = g->circular || (r >= 0 && r < g->height);
    if (!isInside) continue;
    const STAGE T *row = plane + wrapped(r, g->height) * g->width;
    T sum = 0;
    for (int c = x - before; c <= x + after; c++) {
      if (g->circular) sum += row[wrapped(c, g->width)];
      else if (c >= 0 && c < g->width && (x < g->cutCol) == (c < g->cutCol)) sum += row[c];
    }
    for (int k = 0; k < STRIP; k++) {
      const bool isInWindow = r >= y + k - before && r <= y + k + after;
      if (isInWindow && (g->circular || (y + k < g->cutRow) == (r < g->cutRow))) sums[k] += sum;
    }
  }
#endif
}

/**
 * Sums of whole planes of the group, `count` of them, one after the other in `stage`: down each column, then over the columns, into
 * to[...] of each. All items call it, after a barrier behind the writes to `stage`; `columns` has room for count x width numbers.
 * Between this call's last read of `columns` and the next call's first write lie the barriers of a layer.
 */
static void F(sumColumns)(const STAGE T *stage, const Geometry *g, int count, __local wide *columns) {
  const int pixels = g->height * g->width;
  for (int q = get_local_id(0); q < count * g->width; q += get_local_size(0)) {
    const STAGE T *column = stage + q / g->width * pixels + q % g->width;
    wide sum = 0;
    for (int y = 0; y < g->height; y++) sum += (wide)column[y * g->width];
    columns[q] = sum;
  }
}
#ifndef SUM_OF_COLUMNS
#define SUM_OF_COLUMNS
static wide sumOfColumns(const __local wide *columns, int width) {
  wide sum = 0;
  for (int x = 0; x < width; x++) sum += columns[x];
  return sum;
}
#endif
