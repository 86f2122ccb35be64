/** Tiles of image networks (kernels/cnn-images.cl, cnn-pairs.cl): blocks of images against blocks of images, plane by plane. */
import type { TileResult, TileTask } from '@tessera/engine';
import type { DeviceBuffer, Kernel } from './context.js';
import { type SortedDepths, sortDepths } from './depths.js';
import { networkNumbers } from './network-numbers.js';
import { type Block, Outputs, wantedBits } from './outputs.js';
import { displacementsOf, type PlaneLayout, planeLayout } from './plane-layout.js';
import { commonProgram, realBytes, wideArray, wideBytes } from './programs.js';
import type { Argument, Session } from './session.js';
import type { Shapes } from './shapes.js';
import { swampedDepths } from './swamping.js';

/** Shares of the free memory: tables of two blocks of images, of reference pairs, sums of planes, results. */
const SHARE = { tables: 0.4, references: 0.2, sums: 0.1, results: 0.2 } as const;
const SUM_BYTES = 64 * 2 ** 20;
const MOST_SIDE = 1024;

export async function computeCnn(
  session: Session,
  task: TileTask,
  result: TileResult,
  shape: Shapes['cnn'],
): Promise<void> {
  const sorted = sortDepths(task.depths);
  const swamped = swampedDepths(task, sorted.depths);
  const carriesTheta = swamped.includes(true) && result.ntk?.matrix != null;
  const layout = planeLayout(session.context.device.info, task, shape, carriesTheta);
  await new CnnTile(session, task, result, layout, sorted, swamped).run();
}

/** Images of a block on the device: their tables, and the sums of their deviations, (images, depths, 2). */
interface ImageSet {
  first: number;
  count: number;
  tables: DeviceBuffer;
  sums: DeviceBuffer;
}

class CnnTile {
  private readonly session: Session;
  private readonly task: TileTask;
  private readonly result: TileResult;
  private readonly layout: PlaneLayout;
  private readonly sorted: SortedDepths;
  private readonly net: DeviceBuffer;
  private readonly depths: DeviceBuffer;
  private readonly positions: DeviceBuffer;
  /** Of each depth: whether Theta is read from its own plane. */
  private readonly carried: DeviceBuffer;
  private readonly displacements: DeviceBuffer;
  private readonly displacementCount: number;
  private readonly real: number;
  private readonly wide: number;
  private readonly scratch: DeviceBuffer | null;
  private readonly scratchGroups: number;

  constructor(
    session: Session,
    task: TileTask,
    result: TileResult,
    layout: PlaneLayout,
    sorted: SortedDepths,
    swamped: boolean[],
  ) {
    this.session = session;
    this.task = task;
    this.result = result;
    this.layout = layout;
    const { info } = session.context.device;
    this.sorted = sorted;
    this.real = realBytes(task.precision);
    this.wide = wideBytes(info);
    this.net = session.upload(
      wideArray(info, networkNumbers(task, task.weightVariance / (layout.filter * layout.filter))),
    );
    this.depths = session.upload(Int32Array.from(this.sorted.depths));
    this.positions = session.upload(Int32Array.from(this.sorted.positions));
    this.carried = session.upload(Int32Array.from(swamped, (each) => Number(each && layout.planes === 3)));
    const displacements = displacementsOf(layout);
    this.displacements = session.upload(displacements);
    this.displacementCount = displacements.length / 3;
    // Groups that run at once, each with its planes in global memory.
    this.scratchGroups = layout.isGlobal ? 2 * info.computeUnits : 0;
    this.scratch = layout.isGlobal
      ? session.allocate(
          this.scratchGroups * Math.max(4, layout.planes * layout.together) * layout.pixels * this.wide,
        )
      : null;
  }

  private get layers(): number {
    return this.sorted.layers;
  }

  private get depthCount(): number {
    return this.task.depths.length;
  }

  private kernel(name: string): Promise<Kernel> {
    return this.session.context.kernel(this.layout.choice, name);
  }

  private common(name: string): Promise<Kernel> {
    return this.session.context.kernel(commonProgram(this.task.precision), name);
  }

  /** Room for `planes` planes of `bytes` numbers in a group, and for the sums of their columns. */
  private stage(planes: number, bytes: number): Argument[] {
    const { pixels, width } = this.layout;
    return [
      this.scratch ?? { localBytes: planes * pixels * bytes },
      { localBytes: planes * width * this.wide },
    ];
  }

  async run(): Promise<void> {
    const { session, task, layout, wide } = this;
    const reference = session.allocate(2 * (this.layers + 1) * layout.pixels * wide);
    const means = session.allocate(2 * this.depthCount * wide);
    await session.launch(
      await this.kernel('reference_image'),
      [layout.items],
      [layout.items],
      [
        this.net,
        ...this.geometry,
        Number(layout.circular),
        this.layers,
        this.depthCount,
        this.depths,
        reference,
        means,
        ...this.stage(2, wide),
      ],
    );
    const pixels = layout.differenced ? await this.referencePixels(reference) : null;
    const referenceTotals = layout.differenced ? session.allocate(2 * this.depthCount * wide) : null;

    const side = this.sideOf();
    const rowCount = task.rows.count;
    const colCount = (task.cols ?? task.rows).count;
    const isSymmetric = task.cols === null;
    const bringing: Promise<void>[] = [];
    for (let row = 0; row < rowCount; row += side) {
      const rows = await this.prepare(task.rows.data, row, Math.min(side, rowCount - row), reference);
      await this.writeDeviations(rows, 'rowDeviations', rowCount);
      if (isSymmetric) await this.writeDeviations(rows, 'colDeviations', colCount);
      for (let col = isSymmetric ? row : 0; col < colCount; col += side) {
        const isDiagonal = isSymmetric && col === row;
        const cols = isDiagonal
          ? rows
          : await this.prepare((task.cols ?? task.rows).data, col, Math.min(side, colCount - col), reference);
        if (!isSymmetric && row === 0) await this.writeDeviations(cols, 'colDeviations', colCount);
        if (bringing.length > 0) await bringing.at(-1);
        const shared = { reference, pixels, means, referenceTotals };
        bringing.push((await this.computeBlock(rows, cols, isDiagonal, shared)).brought);
        if (!isDiagonal) this.discard(cols);
      }
      this.discard(rows);
    }
    await Promise.all(bringing);
    await this.writeReference(means, referenceTotals);
  }

  private get geometry(): number[] {
    const { height, width, filter } = this.layout;
    return [height, width, filter];
  }

  private discard(images: ImageSet): void {
    this.session.release(images.tables);
    this.session.release(images.sums);
  }

  /** Images on a side of a block: as many as the memory holds twice, with their results. */
  private sideOf(): number {
    const { session, task, layout, real, wide } = this;
    const most = Math.max(task.rows.count, task.cols?.count ?? 0);
    const { bufferBytes } = session.context.device.info;
    const imageBytes = this.imageNumbers * layout.pixels * real;
    const tables = Math.min((session.freeBytes * SHARE.tables) / 2, bufferBytes) / imageBytes;
    const pairBytes = this.depthCount * (layout.planes * wide + 4 * 2 * real);
    const results = Math.sqrt(Math.min(session.freeBytes * SHARE.results, bufferBytes) / pairBytes);
    return Math.max(1, Math.min(most, MOST_SIDE, Math.floor(tables), Math.floor(results)));
  }

  private get imageNumbers(): number {
    return this.layout.channels + this.layers * this.layout.layerNumbers;
  }

  /** Launches `count` groups of a kernel a few at a time; args are made for each launch's first group. */
  private async launchGroups(
    kernel: Kernel,
    count: number,
    unitsEach: number,
    argsFrom: (first: number, groups: number) => Argument[],
  ): Promise<void> {
    const most = this.scratchGroups || Number.POSITIVE_INFINITY;
    for (let first = 0; first < count; ) {
      const groups = Math.min(count - first, most, kernel.pacer.items(unitsEach));
      const { items } = this.layout;
      await this.session.launch(
        kernel,
        [groups * items],
        [items],
        argsFrom(first, groups),
        groups * unitsEach,
      );
      first += groups;
    }
  }

  private get planeUnits(): number {
    return this.layout.pixels * Math.max(1, this.layers);
  }

  /** The tables of images `first` to `first + count` of a block. */
  private async prepare(
    data: Float64Array,
    first: number,
    count: number,
    reference: DeviceBuffer,
  ): Promise<ImageSet> {
    const { session, layout, wide, real } = this;
    const size = layout.pixels * layout.channels;
    const images = session.upload(
      wideArray(session.context.device.info, data.subarray(first * size, (first + count) * size)),
    );
    const tables = await session.take(count * this.imageNumbers * layout.pixels * real);
    const sums = session.allocate(count * 2 * this.depthCount * wide);
    const numbers = [...this.geometry, Number(layout.circular), layout.channels, this.layers];
    await this.launchGroups(await this.kernel('image_tables'), count, this.planeUnits, (from) => [
      this.net,
      ...numbers,
      from,
      this.depthCount,
      this.depths,
      reference,
      images,
      tables,
      sums,
      ...this.stage(2, wide),
    ]);
    session.release(images);
    return { first, count, tables, sums };
  }

  private async referencePixels(reference: DeviceBuffer): Promise<DeviceBuffer> {
    const { session, layout, wide } = this;
    const table = session.allocate(this.layers * layout.referenceNumbers * layout.pixels * wide);
    const kernel = await this.kernel('reference_pixels');
    const [scratch] = this.stage(1, wide) as [Argument];
    await this.launchGroups(kernel, this.layers, layout.pixels, (from) => [
      this.net,
      ...this.geometry,
      from,
      reference,
      table,
      scratch,
    ]);
    return table;
  }

  private async computeBlock(
    rows: ImageSet,
    cols: ImageSet,
    isDiagonal: boolean,
    shared: {
      reference: DeviceBuffer;
      pixels: DeviceBuffer | null;
      means: DeviceBuffer;
      referenceTotals: DeviceBuffer | null;
    },
  ): Promise<{ brought: Promise<void> }> {
    const { session, task, layout, wide } = this;
    const { list, firstSame } = pairsOf(rows.count, cols.count, isDiagonal);
    const count = list.length / 2;
    const pairs = session.upload(list);
    const numbers = this.depthCount * layout.planes;
    const totals = await session.take(count * numbers * wide);
    const step = this.displacementsAtOnce();
    for (let first = 0; first < this.displacementCount; ) {
      // The still plane of differenced networks is by itself: it is a complement.
      const here = layout.differenced && first === 0 ? 1 : Math.min(step, this.displacementCount - first);
      const references = layout.differenced
        ? await this.referencePlanes(shared.reference, shared.pixels, first, here, shared.referenceTotals)
        : null;
      const both = {
        from: 0,
        count: firstSame,
        orders: layout.pooled && !(layout.differenced && first === 0) ? 2 : 1,
        once: 1,
      };
      const same = { from: firstSame, count: count - firstSame, orders: 1, once: 0 };
      for (const group of [both, same])
        await this.runPairs(group, first, here, { pairs, list, rows, cols, references, totals });
      if (references !== null) session.release(references);
      first += here;
    }
    const block: Block = {
      row: rows.first,
      rows: rows.count,
      col: cols.first,
      cols: cols.count,
      mirrored: task.cols === null,
    };
    const outputs = await Outputs.allocate(session, task, this.result, block);
    const counts = [count, rows.count, cols.count, layout.pixels];
    const kinds = [
      Number(layout.pooled),
      Number(layout.differenced),
      firstSame,
      this.depthCount,
      layout.planes,
    ];
    await session.launch(
      await this.common('finish_pairs'),
      [count, this.depthCount],
      [64, 1],
      [
        this.net,
        ...counts,
        ...kinds,
        this.positions,
        this.carried,
        wantedBits(task),
        pairs,
        totals,
        rows.sums,
        cols.sums,
        shared.means,
        shared.referenceTotals,
        ...outputs.buffers,
      ],
    );
    const mirror = await this.common('mirror');
    const { brought } = await outputs.bring(mirror);
    session.release(pairs);
    session.release(totals);
    return { brought };
  }

  /** How many displacements' reference planes are kept at a time; without them, all. */
  private displacementsAtOnce(): number {
    const { session, layout, real } = this;
    if (!layout.differenced) return this.displacementCount;
    const bytes = Math.max(1, this.layers) * layout.pairNumbers * layout.pixels * real;
    const room = Math.min(session.freeBytes * SHARE.references, session.context.device.info.bufferBytes);
    return Math.max(1, Math.floor(room / bytes));
  }

  private async referencePlanes(
    reference: DeviceBuffer,
    pixels: DeviceBuffer | null,
    first: number,
    count: number,
    totals: DeviceBuffer | null,
  ): Promise<DeviceBuffer> {
    const { session, layout, wide, real } = this;
    const tables = await session.take(count * this.layers * layout.pairNumbers * layout.pixels * real);
    const sums = session.allocate(count * 2 * this.depthCount * wide);
    await this.launchGroups(await this.kernel('reference_planes'), count, this.planeUnits, (from) => [
      this.net,
      ...this.geometry,
      this.layers,
      first + from,
      first,
      this.depthCount,
      this.depths,
      this.displacements,
      reference,
      pixels,
      tables,
      sums,
      ...this.stage(4, wide),
    ]);
    const numbers = 2 * this.depthCount;
    const counts = [count, first, Number(first === 0), numbers];
    const fold = await this.common('fold_references');
    await session.launch(fold, [numbers], [64], [...counts, this.displacements, sums, totals]);
    session.release(sums);
    return tables;
  }

  /** The planes of some displacements of pairs of one kind, added to their totals. */
  private async runPairs(
    group: { from: number; count: number; orders: number; once: number },
    firstDisplacement: number,
    displacements: number,
    of: {
      pairs: DeviceBuffer;
      list: Int32Array;
      rows: ImageSet;
      cols: ImageSet;
      references: DeviceBuffer | null;
      totals: DeviceBuffer;
    },
  ): Promise<void> {
    const { session, layout, wide } = this;
    if (group.count === 0) return;
    const kernel = await this.kernel('pair_planes');
    const fold = await this.common('fold_planes');
    const numbers = this.depthCount * layout.planes;
    // An image with itself has no planes where only the still one is asked for.
    const isRun = group.once === 1 || firstDisplacement + displacements > 1;
    const jobsOfPair = displacements * group.orders;
    const room = Math.min(SUM_BYTES, session.freeBytes * SHARE.sums);
    const atOnce = Math.max(1, Math.min(group.count, Math.floor(room / (jobsOfPair * numbers * wide))));
    const sums = await session.take((isRun ? atOnce * jobsOfPair : 1) * numbers * wide);
    for (let done = 0; done < group.count; done += atOnce) {
      const here = Math.min(atOnce, group.count - done);
      const jobs = here * jobsOfPair;
      const from = group.from + done;
      const pairs = session.upload(of.list.slice(2 * from, 2 * (from + here)));
      const isDisplaced = Number(layout.differenced && firstDisplacement > 0);
      if (isRun) {
        const groups = Math.ceil(jobs / layout.together);
        await this.launchGroups(kernel, groups, this.planeUnits * layout.together, (first, count) => [
          this.net,
          ...this.geometry,
          Number(layout.circular),
          layout.channels,
          this.layers,
          layout.together,
          first * layout.together,
          Math.min(jobs, (first + count) * layout.together),
          group.orders,
          displacements,
          firstDisplacement,
          isDisplaced,
          this.depthCount,
          this.depths,
          this.displacements,
          pairs,
          of.rows.tables,
          of.cols.tables,
          of.references,
          sums,
          ...this.stage(layout.planes * layout.together, this.real),
        ]);
      }
      const counts = [from, here, group.orders, isRun ? displacements : 0, firstDisplacement, group.once];
      await session.launch(
        fold,
        [numbers, here],
        [numbers < 64 ? 8 : 64, 1],
        [...counts, Number(firstDisplacement === 0), numbers, this.displacements, sums, of.totals],
      );
      session.release(pairs);
    }
    session.release(sums);
  }

  /** v - v_ref of images after the readout. */
  private async writeDeviations(
    images: ImageSet,
    name: 'rowDeviations' | 'colDeviations',
    all: number,
  ): Promise<void> {
    const { session, task, layout, result } = this;
    const sums = wideArray(session.context.device.info, new Float64Array(images.count * 2 * this.depthCount));
    session.read(images.sums, sums);
    await session.readsDone();
    const scale = layout.differenced ? 0 : task.weightVariance / layout.pixels;
    for (const [d, position] of this.sorted.positions.entries()) {
      for (let i = 0; i < images.count; i++) {
        const at = (i * this.depthCount + d) * 2;
        const q = scale * (sums[at] as number);
        const theta = scale * (sums[at + 1] as number);
        if (result.nngp) result.nngp[name][position * all + images.first + i] = q;
        if (result.ntk) result.ntk[name][position * all + images.first + i] = q + theta;
      }
    }
  }

  private async writeReference(means: DeviceBuffer, totals: DeviceBuffer | null): Promise<void> {
    const { session, task, layout, result } = this;
    const numbers = wideArray(session.context.device.info, new Float64Array(2 * this.depthCount));
    session.read(totals ?? means, numbers);
    await session.readsDone();
    await session.finish();
    const count = totals === null ? 1 : layout.pixels * layout.pixels;
    for (const [d, position] of this.sorted.positions.entries()) {
      const nngp = (task.weightVariance * (numbers[2 * d] as number)) / count + task.biasVariance;
      const theta = (task.weightVariance * (numbers[2 * d + 1] as number)) / count;
      if (result.nngp) result.nngp.reference[position] = nngp;
      if (result.ntk) result.ntk.reference[position] = nngp + theta;
    }
  }
}

/** Pairs (row, column) of a block, images with themselves last; of a block on the diagonal those on and above it. */
function pairsOf(rows: number, cols: number, isDiagonal: boolean): { list: Int32Array; firstSame: number } {
  const list: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = isDiagonal ? i + 1 : 0; j < cols; j++) list.push(i, j);
  }
  const firstSame = list.length / 2;
  if (isDiagonal) for (let i = 0; i < rows; i++) list.push(i, i);
  return { list: Int32Array.from(list), firstSame };
}
