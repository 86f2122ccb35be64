// Convolutional networks by planes of one displacement (plane.h). Of a pair of images, flatten needs the plane s = 0 and
// global average pooling all height * width of them: those of (a, b) displaced by -s are those of (b, a) displaced by s, so
// half of the displacements serve both orders. Planes carry delta, Delta, and Theta where Delta swamps it:
//   delta <- A[delta_T],  Delta <- delta_new + A[T' Delta + D' (Theta_aa + Theta_bb)/2 + (T'_aa - T'_bb)(Theta_aa - Theta_bb)/4],
//   Theta <- K_new + A[T' Theta],
// A the filter's average times sw2. At s = 0 a window leaves the image for both pixels at once, so zero padding changes
// nothing here; for s /= 0 see cnn-difference.h.
#pragma once
#include "cnn-reference.h"

namespace TESSERA_ISA {

/** A step of a pair's plane in complement form. */
template <class Real, template <class> class ActivationOf, int planes> struct PairStep : StepVectors<Simd<Real>, 2> {
  typedef Simd<Real> S;
  typedef StepVectors<S, 2> Vectors;
  typedef typename Vectors::G G;
  typedef typename Vectors::V V;
  typedef ActivationOf<G> Activation;
  typedef PairParameters<Activation, planes> P;
  static const bool takesRows = true;
  const Activation pairwise;
  const ImageLayout& layout;
  PlaneJob<Real> job;
  const Real *a, *b;
  struct Row {
    const Real *a, *b;
  };

  PairStep(const Activation& act, const ImageLayout& l) : pairwise(act), layout(l) {}
  void open(const PlaneJob<Real>& j) { job = j; }
  void begin(int l) {
    a = job.a + layout.tablesAt() + l * layout.layerSize();
    b = job.b + layout.tablesAt() + l * layout.layerSize() + job.dx;
  }
  TESSERA_INLINE Row row(int y, ptrdiff_t x = 0) const {
    ptrdiff_t partner = y + job.dy < layout.height ? y + job.dy : y + job.dy - layout.height, rowSize = P::count * (ptrdiff_t)layout.stride;
    return {a + y * rowSize + x, b + partner * rowSize + x};
  }
  TESSERA_INLINE void at(const Row* rows, ptrdiff_t x, const V* before, V* after) const {
    const ptrdiff_t stride = layout.stride;
    auto numbersOf = [=](const Real* Row::*image) {
      return [=](int p) { return Vectors::gather([=](int i) { return S::load(rows[i].*image + x + p * stride); }); };
    };
    auto ofA = numbersOf(&Row::a), ofB = numbersOf(&Row::b);
    V complement, slope, slopeComplement;
    pairwise.template pair<false>(before[0], ofA, ofB, complement, slope, slopeComplement);
    after[0] = complement;
    V tangent = G::fma(slope, before[1], G::fma(slopeComplement, ofA(P::halfTheta) + ofB(P::halfTheta), complement));
    if (!Activation::levelSlopes) tangent = G::fma(ofA(P::slope) - ofB(P::slope), ofA(P::quarterTheta) - ofB(P::quarterTheta), tangent);
    after[1] = tangent;
    if (planes == 3) after[2] = G::fma(slope, before[2], (ofA(P::halfValue) + ofB(P::halfValue)) - complement);
  }
};

/** A step of a pair's plane in deviations from the reference plane. */
template <class Real, template <class> class ActivationOf, int planes> struct DifferenceStep : StepVectors<Simd<Real>, 2> {
  typedef Simd<Real> S;
  typedef StepVectors<S, 2> Vectors;
  typedef typename Vectors::V V;
  typedef typename DifferenceOf<ActivationOf>::template Of<typename Vectors::G> Difference;
  typedef ReferencePlanes<Real, ActivationOf> Reference;
  static const int parameters = Difference::parameters;
  /** Two passes are faster, by 4 to 5% (docs/performance.md). */
  static const bool takesRows = false;
  const Difference& pairwise;
  const ImageLayout& layout;
  const Reference& reference;
  PlaneJob<Real> job;
  const Real *a, *b, *r;
  struct Row {
    const Real *a, *b, *r;
  };

  DifferenceStep(const Difference& act, const ImageLayout& l, const Reference& ref) : pairwise(act), layout(l), reference(ref) {}
  void open(const PlaneJob<Real>& j) { job = j; }
  void begin(int l) {
    a = job.a + layout.differencesAt() + l * layout.differenceSize();
    b = job.b + layout.differencesAt() + l * layout.differenceSize() + job.dx;
    r = reference.table + l * reference.layerSize();
  }
  TESSERA_INLINE Row row(int y) const {
    const ptrdiff_t rowSize = parameters * (ptrdiff_t)layout.stride;
    return {a + y * rowSize, b + reference.partnerRow(y) * rowSize, r + y * (ptrdiff_t)Reference::count * reference.stride};
  }
  TESSERA_INLINE void at(const Row* rows, ptrdiff_t x, const V* before, V* after) const {
    typedef typename Vectors::G G;
    auto numbersOf = [=](const Real* Row::*table, ptrdiff_t stride) {
      return [=](int p) { return Vectors::gather([=](int i) { return S::load(rows[i].*table + x + p * stride); }); };
    };
    auto ofA = numbersOf(&Row::a, layout.stride), ofB = numbersOf(&Row::b, layout.stride), ofR = numbersOf(&Row::r, reference.stride);
    V difference, slope, slopeDifference;
    pairwise.pair(before[0], ofA, ofB, ofR, difference, slope, slopeDifference);
    after[0] = difference;
    after[1] = G::fma(slope, before[1], G::fma(slopeDifference, ofR(Reference::theta), difference));
    if (planes == 3) after[2] = G::fma(slope, before[2], ofR(Reference::value) - difference);
  }
};

template <class RealType, template <class> class ActivationOf, int planes> struct Cnn {
  typedef RealType Real;
  typedef Simd<Real> S;
  typedef typename S::V V;
  typedef Simd<double> D;
  typedef PairStep<Real, ActivationOf, planes> Pair;
  typedef typename Pair::P P;
  typedef typename DifferenceStep<Real, ActivationOf, planes>::Difference Difference;
  typedef ReferencePlanes<Real, ActivationOf> Reference;
  typedef PlaneMachine<Real, planes> Machine;
  /** Planes that go forward together, and the bytes of parameters of the layers that they do. */
  static const int group = 16;
  static const size_t visitBytes = 320 << 10;
  /** Bounds of the tables of a block of images, and of its pairs' sums. */
  static const size_t tableBytes = 192 << 20, sumBytes = 64 << 20;

  const CnnTile& tile;
  /** By depth: Theta is not to be had from Delta. */
  const bool* swamped;
  const PlaneShape pairShape, imageShape;
  const int layers, depths;
  /** Pooling under zero padding: planes s /= 0 as deviations from the reference plane. */
  const bool differenced;
  const double scale;
  ImageLayout layout;
  const typename Pair::Activation pairwise;
  const ActivationOf<D> imagewise;
  const Difference differencewise;
  ReferenceImage reference;
  ReferencePixels<ActivationOf> referencePixels;
  int side;

  Cnn(const CnnTile& t, const bool* swamps)
      : tile(t), swamped(swamps), pairShape(t.height, t.width, t.filterSize, t.circular, S::lanes), imageShape(t.height, t.width, t.filterSize, t.circular, D::lanes),
        layers(t.depths.depth[t.depths.count - 1]), depths(t.depths.count), differenced(t.pooled && !t.circular),
        scale(t.network.weightVariance / ((double)t.filterSize * t.filterSize)), pairwise(t.network, scale), imagewise(t.network, scale),
        differencewise(t.network, scale), reference(imageShape, layers, depths),
        referencePixels(imageShape, roundUp(imageShape.stride + t.width - 1, D::lanes), differenced ? layers : 0) {
    int stride = t.pooled ? roundUp(pairShape.stride + t.width - 1, S::lanes) : pairShape.stride;
    layout = {t.height, t.width, t.channels, stride, layers, P::count, differenced ? Difference::parameters : 0};
    side = larger(1, smaller(larger(t.rowCount, t.colCount), (int)(tableBytes / (layout.size() * sizeof(Real)))));
    if (t.pooled) {
      while (side > 1 && sizeof(double) * side * side * unitSums() * rowUnits() > sumBytes) side--;
    }
  }
  size_t unitSums() const { return (size_t)depths * planes; }
  /** Rows of displacements that stand for all of them. */
  int rowUnits() const { return tile.height / 2 + 1; }

  /** A block of pairs: the images' tables, their own sums, and the pairs' sums by row of displacements. */
  struct Block {
    const Cnn* cnn;
    int firstRow, firstCol, rows, cols;
    bool diagonal;
    Real *rowTables, *colTables;
    double *rowSums, *colSums;
    /** (units, rows, cols, depths, planes); of pooled networks alone. */
    double* sums;
    /** (units, depths, 2): those of the reference planes. */
    double* referenceSums;
    const Real* row(int i) const { return rowTables + i * cnn->layout.size(); }
    const Real* col(int j) const { return colTables + j * cnn->layout.size(); }
  };

  /** Fills the tables of one image: a unit of work. */
  struct Preparation {
    const Cnn* cnn;
    const double* images;
    Real* tables;
    double* sums;
    int first, count;
  };
  static const int imagesPerUnit = 4;
  static int prepareUnit(const void* context, int unit) {
    const Preparation& p = *(const Preparation*)context;
    const Cnn& cnn = *p.cnn;
    const CnnTile& tile = cnn.tile;
    ImageTables<Real, ActivationOf, planes> filler(tile, cnn.layout, cnn.imageShape, cnn.reference, cnn.imagewise);
    if (filler.missing()) return OUT_OF_MEMORY;
    for (int i = unit * imagesPerUnit; i < smaller(p.count, (unit + 1) * imagesPerUnit); i++) {
      const double* image = p.images + (size_t)(p.first + i) * tile.height * tile.width * tile.channels;
      if (!filler.fill(image, p.tables + i * cnn.layout.size(), p.sums + (size_t)i * 2 * cnn.depths)) return CANCELLED;
    }
    return DONE;
  }
  int prepare(const double* images, int first, int count, Real* tables, double* sums) const {
    Preparation p = {this, images, tables, sums, first, count};
    return runUnits(prepareUnit, &p, (count + imagesPerUnit - 1) / imagesPerUnit, tile.threads);
  }

  /** Planes of one thread: collects jobs and runs them together. */
  struct Batch {
    const Cnn& cnn;
    Machine machine;
    Buffer<Real> states;
    Buffer<double> sums;
    PlaneJob<Real> jobs[group];
    double weights[group];
    double* totals[group];
    int count = 0;
    explicit Batch(const Cnn& c) : cnn(c), machine(c.pairShape), states(group * machine.stateSize()), sums(group * c.unitSums()) {}
    bool missing() const { return machine.missing() || states.missing() || sums.missing(); }
    bool roomFor(int more) const { return count + more <= group; }

    /** weight * sums of the plane are for `total`. */
    void add(const Real* a, const Real* b, int dy, int dx, bool differences, double weight, double* total) {
      jobs[count] = {a, b, dy, dx, states + count * machine.stateSize(), sums + count * cnn.unitSums()};
      weights[count] = weight;
      totals[count] = total;
      cnn.readIn(jobs[count], differences);
      count++;
    }
    template <class Step> bool run(Step step, size_t layerBytes) {
      int visit = larger(1, (int)(visitBytes / (layerBytes + 1)));
      bool done = count == 0 || machine.run(jobs, count, step, visit, cnn.tile.depths, Real(cnn.tile.network.biasVariance), cnn.tile.cancel);
      for (int j = 0; done && j < count; j++) {
        // Two planes for one total are added up first: swapping the images swaps them, and must change no bit.
        const double *here = jobs[j].sums, weight = weights[j];
        double* total = totals[j];
        const bool two = j + 1 < count && totals[j + 1] == total;
        const double *next = two ? jobs[j + 1].sums : here, nextWeight = two ? weights[j + 1] : 0;
        for (size_t k = 0; k < cnn.unitSums(); k++) total[k] += two ? weight * here[k] + nextWeight * next[k] : weight * here[k];
        j += two;
      }
      count = 0;
      return done;
    }
  };

  /** delta0, Delta0 = delta0 and Theta0 = K0 of a plane; or D0 = K_ref - K0 instead of delta0. */
  void readIn(const PlaneJob<Real>& job, bool differences) const {
    const int channels = tile.channels, stride = layout.stride;
    const Real inverse = Real(1.0 / channels), half = Real(0.5 / channels);
    const V start = S::all(Real(tile.referenceVariance));
    for (int y = 0; y < tile.height; y++) {
      int partner = y + job.dy < tile.height ? y + job.dy : y + job.dy - tile.height;
      const Real *rowA = job.a + (size_t)y * channels * stride, *rowB = job.b + (size_t)partner * channels * stride + job.dx;
      Real* out = job.state + (size_t)y * planes * pairShape.stride;
      for (int x = 0; x < pairShape.stride; x += S::lanes) {
        V products{}, squares{};
        for (int c = 0; c < channels; c++) {
          V a = S::load(rowA + c * stride + x), b = S::load(rowB + c * stride + x);
          products = S::fma(a, b, products);
          squares = S::fma(a - b, a - b, squares);
        }
        V k = products * inverse, first = differences ? start - k : squares * half;
        S::store(out + x, first);
        S::store(out + pairShape.stride + x, first);
        if (planes == 3) S::store(out + 2 * pairShape.stride + x, k);
      }
    }
  }

  /** A unit of a flattened network: some rows of the block against some columns. */
  static const int blockRows = 4, blockCols = group / blockRows;
  int columnSegments(int rows, int cols) const {
    int rowBlocks = (rows + blockRows - 1) / blockRows, colBlocks = (cols + blockCols - 1) / blockCols;
    return larger(1, smaller(colBlocks, tile.threads == 1 ? 1 : (4 * tile.threads + rowBlocks - 1) / rowBlocks));
  }
  static int flattenUnit(const void* context, int unit) {
    const Block& block = *(const Block*)context;
    const Cnn& cnn = *block.cnn;
    int segments = cnn.columnSegments(block.rows, block.cols), segmentCols = roundUp((block.cols + segments - 1) / segments, blockCols);
    int firstRow = unit / segments * blockRows, firstCol = unit % segments * segmentCols;
    int endRow = smaller(block.rows, firstRow + blockRows), endCol = smaller(block.cols, firstCol + segmentCols);
    Batch batch(cnn);
    Buffer<double> totals(group * cnn.unitSums());
    if (batch.missing() || totals.missing()) return OUT_OF_MEMORY;
    batch.machine.filter.cut(0, 0);
    for (int left = firstCol; left < endCol; left += blockCols) {
      const int right = smaller(left + blockCols, endCol);
      memset(totals, 0, group * cnn.unitSums() * sizeof(double));
      auto total = [&](int i, int j) { return totals + ((i - firstRow) * blockCols + j - left) * cnn.unitSums(); };
      for (int i = firstRow; i < endRow; i++) {
        for (int j = block.diagonal ? larger(left, i + 1) : left; j < right; j++) batch.add(block.row(i), block.col(j), 0, 0, false, 1, total(i, j));
      }
      if (!batch.run(Pair(cnn.pairwise, cnn.layout), (blockRows + blockCols) * cnn.layout.layerSize() * sizeof(Real))) return CANCELLED;
      for (int i = firstRow; i < endRow; i++) {
        for (int j = block.diagonal ? larger(left, i) : left; j < right; j++) cnn.finish(block, i, j, total(i, j), nullptr);
      }
    }
    return DONE;
  }

  /** Rows of displacements with all columns first: the first and the middle one have half of the work. */
  int displacementRow(int unit) const { return unit + 1 < rowUnits() ? unit + 1 : 0; }

  /** What plane (dy, dx) stands for: 0 nothing (its mirror image has it), 1 itself, 2 itself and its mirror image. */
  int standsFor(int dy, int dx) const {
    int mirrored = (tile.height - dy) % tile.height * tile.width + (tile.width - dx) % tile.width, own = dy * tile.width + dx;
    return own > mirrored ? 0 : own == mirrored ? 1 : 2;
  }

  /** Adds the planes of a pair displaced by (dy, dx), in both orders. The plane s = 0 of an image with itself is not run. */
  void addPlanes(Batch& batch, const Real* a, const Real* b, bool same, int dy, int dx, bool differences, double* total) const {
    const int planesHere = standsFor(dy, dx);
    if (planesHere == 0) return;
    if (dy == 0 && dx == 0) {
      if (!same) batch.add(a, b, 0, 0, false, 1, total);
    } else if (same) {
      batch.add(a, b, dy, dx, differences, planesHere, total);
    } else {
      batch.add(a, b, dy, dx, differences, 0.5 * planesHere, total);
      batch.add(b, a, dy, dx, differences, 0.5 * planesHere, total);
    }
  }

  /** A unit of a pooled network: one row of displacements of all pairs of the block. */
  static int poolUnit(const void* context, int unit) {
    const Block& block = *(const Block*)context;
    const Cnn& cnn = *block.cnn;
    const int dy = cnn.displacementRow(unit), width = cnn.tile.width;
    Batch batch(cnn);
    if (batch.missing()) return OUT_OF_MEMORY;
    double* sums = block.sums + (size_t)dy * block.rows * block.cols * cnn.unitSums();
    auto total = [&](int i, int j) { return sums + ((size_t)i * block.cols + j) * cnn.unitSums(); };
    Pair step(cnn.pairwise, cnn.layout);
    const size_t layerBytes = 2 * cnn.layout.layerSize() * sizeof(Real);
    if (!cnn.differenced) {
      for (int i = 0; i < block.rows; i++) {
        for (int j = block.diagonal ? i : 0; j < block.cols; j++) {
          for (int dx = 0; dx < width; dx++) {
            if (!batch.roomFor(2) && !batch.run(step, layerBytes)) return CANCELLED;
            cnn.addPlanes(batch, block.row(i), block.col(j), block.diagonal && i == j, dy, dx, false, total(i, j));
          }
          if (!batch.run(step, layerBytes)) return CANCELLED;
        }
      }
      return DONE;
    }
    Reference reference(cnn.tile, cnn.imageShape, cnn.referencePixels, cnn.reference, cnn.scale, cnn.pairShape.stride);
    if (reference.missing()) return OUT_OF_MEMORY;
    DifferenceStep<Real, ActivationOf, planes> differenceStep(cnn.differencewise, cnn.layout, reference);
    const size_t differenceBytes = (reference.layerSize() + 5 * cnn.layout.differenceSize()) * sizeof(Real);
    auto runPlanes = [&](int dx) {
      const bool displaced = dy != 0 || dx != 0;
      batch.machine.filter.cut(dy, dx);
      auto run = [&]() { return displaced ? batch.run(differenceStep, differenceBytes) : batch.run(step, layerBytes); };
      for (int i = 0; i < block.rows; i++) {
        for (int j = block.diagonal ? i : 0; j < block.cols; j++) {
          if (!batch.roomFor(2) && !run()) return false;
          cnn.addPlanes(batch, block.row(i), block.col(j), block.diagonal && i == j, dy, dx, displaced, total(i, j));
        }
      }
      return run();
    };
    // The displacements (dy, dx) and (dy, -dx) share their reference planes.
    for (int dx = 0; dx <= width / 2; dx++) {
      const int opposite = (width - dx) % width, planesHere = cnn.standsFor(dy, dx), planesOpposite = opposite == dx ? 0 : cnn.standsFor(dy, opposite);
      if (planesHere == 0) continue;
      if (!reference.fill(dy, dx, planesHere + planesOpposite, block.referenceSums + (size_t)dy * 2 * cnn.depths)) return CANCELLED;
      if (!runPlanes(dx)) return CANCELLED;
      if (planesOpposite == 0) continue;
      reference.mirror();
      if (!runPlanes(opposite)) return CANCELLED;
    }
    return DONE;
  }

  /** Puts the sums of a pair together and writes its entries. `totals`: (depths, planes). */
  void finish(const Block& block, int i, int j, const double* totals, const double* referenceSums) const {
    const int row = block.firstRow + i, col = block.firstCol + j;
    const bool same = block.diagonal && i == j;
    const double pixels = (double)tile.height * tile.width, count = tile.pooled ? pixels * pixels : pixels;
    const double sw2 = tile.network.weightVariance, sb2 = tile.network.biasVariance;
    for (int d = 0; d < depths; d++) {
      const double *a = block.rowSums + ((size_t)i * depths + d) * 2, *b = block.colSums + ((size_t)j * depths + d) * 2;
      const double qRef = reference.means[2 * d], thetaRef = reference.means[2 * d + 1];
      const double q = (a[0] + b[0]) * 0.5, theta = (a[1] + b[1]) * 0.5;
      const double delta = totals[d * planes], tangent = totals[d * planes + 1];
      const double complement = sw2 * (differenced ? delta - q : delta) / count, k = (differenced ? sw2 * referenceSums[2 * d] / count : sw2 * (qRef + q / pixels)) + sb2 - complement;
      // Means of the deviations from Theta of the reference, or of the images, and of Theta itself.
      const double apart = (differenced ? tangent - theta : tangent) / count;
      double product = (differenced ? referenceSums[2 * d + 1] / count : thetaRef + theta / pixels) - apart;
      // The plane s = 0 of an image with itself: no complement, and Theta_aa.
      if (planes == 3 && swamped[d]) product = (totals[d * planes + 2] + (same ? theta + thetaRef * pixels : 0)) / count;
      const size_t position = tile.depths.position[d];
      put(tile.nngp.matrix, position, row, col, same, k);
      put(tile.nngp.complement, position, row, col, same, complement);
      put(tile.ntk.matrix, position, row, col, same, k + sw2 * product);
      put(tile.ntk.complement, position, row, col, same, complement + sw2 * apart);
    }
  }
  TESSERA_INLINE void put(void* array, size_t position, int row, int col, bool same, double value) const {
    if (!array) return;
    Real* matrix = (Real*)array + position * tile.rowCount * tile.colCount;
    matrix[(size_t)row * tile.colCount + col] = Real(value);
    if (tile.symmetric && !same) matrix[(size_t)col * tile.colCount + row] = Real(value);
  }

  /** References and deviations after the readout. `sums`: (images, depths, 2). */
  void writeDeviations(const double* sums, int first, int count, int all, double* nngp, double* ntk) const {
    const double pixels = (double)tile.height * tile.width, sw2 = tile.network.weightVariance;
    for (int i = 0; i < count; i++) {
      for (int d = 0; d < depths; d++) {
        const double *own = sums + ((size_t)i * depths + d) * 2;
        const size_t at = (size_t)tile.depths.position[d] * all + first + i;
        const double q = differenced ? 0 : sw2 * own[0] / pixels, theta = differenced ? 0 : sw2 * own[1] / pixels;
        if (nngp) nngp[at] = q;
        if (ntk) ntk[at] = q + theta;
      }
    }
  }
  void writeReference(const double* referenceSums) const {
    const double pixels = (double)tile.height * tile.width, sw2 = tile.network.weightVariance;
    for (int d = 0; d < depths; d++) {
      const double q = differenced ? referenceSums[2 * d] / (pixels * pixels) : reference.means[2 * d];
      const double theta = differenced ? referenceSums[2 * d + 1] / (pixels * pixels) : reference.means[2 * d + 1];
      const double nngp = sw2 * q + tile.network.biasVariance;
      if (tile.nngp.wanted()) tile.nngp.reference[tile.depths.position[d]] = nngp;
      if (tile.ntk.wanted()) tile.ntk.reference[tile.depths.position[d]] = nngp + sw2 * theta;
    }
  }

  int runBlock(Block& block) const {
    if (!tile.pooled) {
      int units = (block.rows + blockRows - 1) / blockRows * columnSegments(block.rows, block.cols);
      int outcome = runUnits(flattenUnit, &block, units, tile.threads);
      if (outcome == DONE) writeReference(nullptr);
      return outcome;
    }
    const size_t pairs = (size_t)block.rows * block.cols, perRow = pairs * unitSums();
    Buffer<double> sums(rowUnits() * perRow), referenceSums((size_t)rowUnits() * 2 * depths);
    if (sums.missing() || referenceSums.missing()) return OUT_OF_MEMORY;
    block.sums = sums;
    block.referenceSums = referenceSums;
    int outcome = runUnits(poolUnit, &block, rowUnits(), tile.threads);
    if (outcome != DONE) return outcome;
    for (int dy = 1; dy < rowUnits(); dy++) {
      for (size_t k = 0; k < perRow; k++) sums[k] += sums[dy * perRow + k];
      for (int k = 0; k < 2 * depths; k++) referenceSums[k] += referenceSums[dy * 2 * depths + k];
    }
    for (int i = 0; i < block.rows; i++) {
      for (int j = block.diagonal ? i : 0; j < block.cols; j++) finish(block, i, j, sums + ((size_t)i * block.cols + j) * unitSums(), referenceSums);
    }
    writeReference(referenceSums);
    return DONE;
  }

  int run() {
    if (reference.missing() || referencePixels.missing()) return OUT_OF_MEMORY;
    {
      PlaneMachine<double, 2> machine(imageShape);
      if (machine.missing()) return OUT_OF_MEMORY;
      reference.fill(tile, imagewise, machine);
      if (differenced && !referencePixels.fill(reference, imagewise)) return OUT_OF_MEMORY;
    }
    const bool oneSet = tile.symmetric && side >= tile.rowCount;
    Pages<Real> rowTables(smaller(side, tile.rowCount) * layout.size()), colTables(oneSet ? 0 : smaller(side, tile.colCount) * layout.size());
    Buffer<double> rowSums((size_t)side * 2 * depths), colSums((size_t)side * 2 * depths);
    if (rowTables.missing() || colTables.missing() || rowSums.missing() || colSums.missing()) return OUT_OF_MEMORY;
    for (int firstRow = 0; firstRow < tile.rowCount; firstRow += side) {
      const int rows = smaller(side, tile.rowCount - firstRow);
      int outcome = prepare(tile.rowImages, firstRow, rows, rowTables, rowSums);
      if (outcome != DONE) return outcome;
      if (tile.nngp.wanted() || tile.ntk.wanted()) writeDeviations(rowSums, firstRow, rows, tile.rowCount, tile.nngp.rowDeviations, tile.ntk.rowDeviations);
      for (int firstCol = tile.symmetric ? firstRow : 0; firstCol < tile.colCount; firstCol += side) {
        const int cols = smaller(side, tile.colCount - firstCol);
        const bool diagonal = tile.symmetric && firstRow == firstCol;
        Block block = {this, firstRow, firstCol, rows, cols, diagonal, rowTables, diagonal ? rowTables : colTables, rowSums, diagonal ? rowSums : colSums, nullptr, nullptr};
        if (!diagonal) {
          outcome = prepare(tile.colImages, firstCol, cols, colTables, colSums);
          if (outcome != DONE) return outcome;
        }
        if (diagonal || firstRow == 0) writeDeviations(block.colSums, firstCol, cols, tile.colCount, tile.nngp.colDeviations, tile.ntk.colDeviations);
        outcome = runBlock(block);
        if (outcome != DONE) return outcome;
      }
    }
    return DONE;
  }
};

/**
 * Theta is rebuilt as (Theta_aa + Theta_bb)/2 - Delta, to rounding of Theta_aa, unless the network is chaotic, where Theta_aa
 * grows away from it: critical networks have Theta_aa = (l + 1) q, and twice that is let pass. `swamped` takes the
 * verdict of each depth, from an image of the reference variance, so that neither tiles nor the other depths have a say.
 */
template <template <class> class ActivationOf> bool deltaSwampsTheta(const CnnTile& tile, bool* swamped) {
  typedef Simd<double> D;
  const ActivationOf<D> imagewise(tile.network, tile.network.weightVariance);
  double q = tile.referenceVariance, theta = q;
  bool any = false;
  for (int l = 0, d = 0; d < tile.depths.count; l++) {
    if (tile.depths.depth[d] == l) {
      swamped[d] = !(theta <= 2 * (l + 1) * q);
      any |= swamped[d++];
    }
    const ImageDual<D::V> dual = imagewise.image(D::all(q), D::V{}, [](int, D::V) {});
    q = dual.value[0] + tile.network.biasVariance;
    theta = dual.slope[0] * theta + q;
  }
  return any;
}

template <class Real, template <class> class ActivationOf> int cnnWith(const CnnTile& tile) {
  Buffer<bool> swamped(tile.depths.count);
  if (swamped.missing()) return OUT_OF_MEMORY;
  const bool carried = deltaSwampsTheta<ActivationOf>(tile, swamped) && tile.ntk.matrix;
  return carried ? Cnn<Real, ActivationOf, 3>(tile, swamped).run() : Cnn<Real, ActivationOf, 2>(tile, swamped).run();
}

template <class Real> int cnnOf(const CnnTile& tile) {
  if (tile.filterSize > MOST_FILTER || tile.filterSize > smaller(tile.height, tile.width)) return BAD_ARGUMENT;
  switch (tile.network.activation) {
    case IDENTITY: return cnnWith<Real, Identity>(tile);
    case ABRELU: return cnnWith<Real, Abrelu>(tile);
    case ERF: return cnnWith<Real, Erf>(tile);
    case GELU: return cnnWith<Real, Gelu>(tile);
    case SIN: return cnnWith<Real, Sin>(tile);
    case RBF: return cnnWith<Real, Rbf>(tile);
    default: return BAD_ARGUMENT;
  }
}

}  // namespace TESSERA_ISA
