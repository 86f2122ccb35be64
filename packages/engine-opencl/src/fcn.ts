/** Fully connected tiles (kernels/fcn.cl): chunks of rows, each through all layers in segments, results brought while the next runs. */
import type { TileResult, TileTask } from '@tessera/engine';
import type { DeviceBuffer } from './context.js';
import { type Segment, segmentsOf, sortDepths } from './depths.js';
import { kindOfActivation, networkNumbers, parameterCounts } from './network-numbers.js';
import { Outputs, wantedBits } from './outputs.js';
import { commonProgram, type ProgramChoice, realBytes, wideArray, wideBytes } from './programs.js';
import { variancesOf } from './read-in.js';
import type { ReadInCache } from './read-in-cache.js';
import { roundUp, type Session } from './session.js';
import type { Shapes } from './shapes.js';
import { tanhNodes } from './tanh-nodes.js';

/** Beside the activation's own parameters: fcn.cl, NUMBERS_OF_IMAGE. */
const SHARED_NUMBERS = 4;
/** Of one image and layer of tanh, in the units of a pair and layer. */
const TANH_UNITS = 2000;
const TANH_ITEMS = 128;
const IMAGE_ITEMS = 64;
/** Pairs and layers of the smallest launch, a row of the tile through a segment. */
const LEAST_LAUNCH = 4e6;
const MOST_SEGMENT = 512;
/** Results beyond this are brought in several chunks, so that transfers run beside the layers. */
const OVERLAP_BYTES = 32 * 2 ** 20;

export async function computeFcn(
  session: Session,
  task: TileTask,
  result: TileResult,
  shape: Shapes['fcn'],
  cache: ReadInCache,
): Promise<void> {
  const { rows, cols, precision } = task;
  const activation = kindOfActivation(task.architecture.activation);
  const choice: ProgramChoice = { of: 'fcn', activation, precision, sizes: { ROWS: shape.rowsEach } };
  const { context } = session;
  const pairs = await context.kernel(choice, 'fcn_pairs');
  const mirror = await context.kernel(commonProgram(precision), 'mirror');
  const variances = variancesOf(rows, cols);
  const sorted = sortDepths(task.depths);
  const net = session.upload(wideArray(context.device.info, networkNumbers(task, task.weightVariance)));
  const images = [variances.rowVariances, ...(cols === null ? [] : [variances.colVariances])];
  const segments = segmentsOf(sorted, segmentLayers(session, task, images));
  const tables = images.map((of) => new ImageTables(session, task, choice, net, of, segments));
  const [rowTable, colTable] = [tables[0] as ImageTables, tables.at(-1) as ImageTables];

  const bringing: Promise<void>[] = [];
  for (const block of blocksOf(session, task)) {
    // Two sets of outputs: the one being brought and the one being computed.
    if (bringing.length > 1) await bringing.at(-2);
    const complement = await cache.readIn(session, rows, cols, precision, block);
    const outputs = await Outputs.allocate(session, task, result, block);
    const plane = block.rows * block.cols * realBytes(precision);
    const state = segments.length > 1 ? session.allocate(3 * plane) : null;
    for (const [index, segment] of segments.entries()) {
      for (const table of tables) await table.advance(index);
      const depths = session.upload(segment.depths);
      const unitsOfRow = block.cols * Math.max(1, segment.layers);
      for (let first = 0; first < block.rows; ) {
        const count = Math.min(block.rows - first, roundUp(pairs.pacer.items(unitsOfRow), shape.rowsEach));
        const counts = [
          block.rows,
          block.cols,
          first,
          first + count,
          Number(block.mirrored && block.row === block.col),
        ];
        const offsets = [rowTable.count, block.row, colTable.count, block.col];
        const layers = [
          segment.layers,
          Number(segment.isFirst),
          Number(segment.isLast),
          segment.depths.length / 2,
        ];
        await session.launch(
          pairs,
          [block.cols, Math.ceil(count / shape.rowsEach)],
          [shape.cols, shape.rows],
          [
            net,
            ...counts,
            ...offsets,
            ...layers,
            depths,
            wantedBits(task),
            rowTable.table,
            colTable.table,
            complement.buffer,
            state,
            ...outputs.buffers,
          ],
          count * unitsOfRow,
        );
        first += count;
      }
      session.release(depths);
    }
    complement.release();
    if (state !== null) session.release(state);
    const { brought } = await outputs.bring(mirror);
    bringing.push(brought);
  }
  const rowNumbers = rowTable.readOut();
  const colNumbers = colTable === rowTable ? rowNumbers : colTable.readOut();
  await Promise.all([...bringing, session.readsDone()]);
  await session.finish();
  writeDeviations(task, result, rowNumbers, colNumbers);
  if (cols === null) writeDiagonal(task, result);
}

/** The layers whose tables fit in an eighth of the memory, and whose smallest launch is short. */
function segmentLayers(session: Session, task: TileTask, images: Float64Array[]): number {
  const { own } = parameterCounts[kindOfActivation(task.architecture.activation)];
  const count = images.reduce((sum, { length }) => sum + length, 0);
  const layerBytes = (own + SHARED_NUMBERS) * count * realBytes(task.precision);
  const room = Math.min(session.freeBytes / 8, session.context.device.info.bufferBytes);
  const fitting = Math.floor(room / layerBytes) - 1;
  return Math.max(
    1,
    Math.min(MOST_SEGMENT, fitting, Math.floor(LEAST_LAUNCH / (task.cols ?? task.rows).count)),
  );
}

/** The tile in chunks of rows, of a symmetric one with the columns from the diagonal on. */
function blocksOf(session: Session, task: TileTask) {
  const { count } = task.rows;
  const cols = (task.cols ?? task.rows).count;
  const real = realBytes(task.precision);
  const outputBytes = Outputs.rowBytes(task, cols);
  // Outputs twice, the read-in (twice while its images are there) and the state between segments.
  const rowBytes = 2 * outputBytes + 5 * cols * real;
  const { bufferBytes } = session.context.device.info;
  const fitting = Math.floor(
    Math.min(session.freeBytes / 2 / rowBytes, bufferBytes / (task.depths.length * cols * real)),
  );
  const chunks = Math.ceil(Math.min(4, (outputBytes * count) / OVERLAP_BYTES));
  const size = Math.max(1, Math.min(fitting, Math.ceil(count / Math.max(1, chunks))));
  return Array.from({ length: Math.ceil(count / size) }, (_, index) => {
    const row = index * size;
    const col = task.cols === null ? row : 0;
    return { row, rows: Math.min(size, count - row), col, cols: cols - col, mirrored: task.cols === null };
  });
}

/** What pairs read of a set of images, one segment of layers at a time. */
class ImageTables {
  readonly count: number;
  readonly table: DeviceBuffer;
  private readonly deviations: DeviceBuffer;
  private readonly state: DeviceBuffer;
  private readonly readOuts: DeviceBuffer;
  private readonly nodes: DeviceBuffer | null;
  private current = -1;
  private readonly session: Session;
  private readonly task: TileTask;
  private readonly choice: ProgramChoice;
  private readonly net: DeviceBuffer;
  private readonly segments: readonly Segment[];

  constructor(
    session: Session,
    task: TileTask,
    choice: ProgramChoice,
    net: DeviceBuffer,
    variances: Float64Array,
    segments: readonly Segment[],
  ) {
    this.session = session;
    this.task = task;
    this.choice = choice;
    this.net = net;
    this.segments = segments;
    this.count = variances.length;
    const { info } = session.context.device;
    const layers = Math.max(...segments.map((segment) => segment.layers));
    const numbers = parameterCounts[choice.activation].own + SHARED_NUMBERS;
    this.table = session.allocate((layers + 1) * numbers * this.count * realBytes(task.precision));
    this.deviations = session.upload(
      wideArray(
        info,
        variances.map((v) => v - task.referenceVariance),
      ),
    );
    this.state = session.allocate(4 * this.count * wideBytes(info));
    this.readOuts = session.allocate(task.depths.length * 4 * this.count * wideBytes(info));
    this.nodes = choice.activation === 'tanh' ? session.upload(wideArray(info, tanhNodes())) : null;
  }

  /** Fills the table with a segment: the one that follows, or the first again. */
  async advance(index: number): Promise<void> {
    if (index === this.current) return;
    const { session, count, net } = this;
    const segment = this.segments[index] as Segment;
    const kernel = await session.context.kernel(this.choice, 'fcn_images');
    const depths = session.upload(segment.depths);
    const isTanh = this.nodes !== null;
    const units = Math.max(1, segment.layers) * (isTanh ? TANH_UNITS : 1);
    for (let first = 0; first < count; ) {
      const here = Math.min(count - first, kernel.pacer.items(units, isTanh ? 1 : IMAGE_ITEMS));
      const numbers = [
        first,
        first + here,
        count,
        segment.layers,
        Number(segment.isFirst),
        segment.depths.length / 2,
      ];
      const buffers = [depths, this.deviations, this.state, this.table, this.readOuts];
      const items = isTanh ? here * TANH_ITEMS : here;
      await session.launch(
        kernel,
        [items],
        [isTanh ? TANH_ITEMS : IMAGE_ITEMS],
        [net, ...numbers, ...buffers, ...(this.nodes ? [this.nodes] : [])],
        here * units,
      );
      first += here;
    }
    session.release(depths);
    this.current = index;
  }

  /** Begins to read (depths, 4, images): q and Theta_aa of the reference, and what the image exceeds them by, as q_ref, q, theta_ref, theta. */
  readOut(): Float64Array | Float32Array {
    const { info } = this.session.context.device;
    const numbers = wideArray(info, new Float64Array(this.task.depths.length * 4 * this.count));
    this.session.read(this.readOuts, numbers);
    return numbers;
  }
}

type Numbers = Float64Array | Float32Array;

function writeDeviations(task: TileTask, result: TileResult, rowNumbers: Numbers, colNumbers: Numbers): void {
  const rows = task.rows.count;
  const cols = (task.cols ?? task.rows).count;
  for (const [kind, place] of [
    [result.nngp, 0],
    [result.ntk, 2],
  ] as const) {
    if (kind === null) continue;
    for (let d = 0; d < task.depths.length; d++) {
      const row = (d * 4 + place) * rows;
      const col = (d * 4 + place + 1) * cols;
      kind.reference[d] = rowNumbers[row] as number;
      kind.rowDeviations.set(rowNumbers.subarray(row + rows, row + 2 * rows), d * rows);
      kind.colDeviations.set(colNumbers.subarray(col, col + cols), d * cols);
    }
  }
}

/** Theta of an image with itself is its own recursion's, not the pair's. */
function writeDiagonal(task: TileTask, { ntk }: TileResult): void {
  const matrix = ntk?.matrix;
  if (!ntk || !matrix) return;
  const { count } = task.rows;
  for (let d = 0; d < task.depths.length; d++) {
    for (let i = 0; i < count; i++) {
      matrix[(d * count + i) * count + i] =
        (ntk.reference[d] as number) + (ntk.rowDeviations[d * count + i] as number);
    }
  }
}
