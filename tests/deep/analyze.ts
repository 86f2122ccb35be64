/** Engine and analysis called one after the other, as worker and aggregator do through the store. */
import {
  analyzeMatrix,
  type SpectrumResult,
  type StripPredictor,
  scoreStrip,
  solutionColumns,
} from '@tessera/analysis';
import { labelMatrix } from '@tessera/dataset';
import type { Engine, KernelTile, TileArray, TileTask } from '@tessera/engine';
import { openLinalg } from '@tessera/linalg';
import type { KernelName } from '@tessera/spec';

const linalg = openLinalg({ threads: 1 });

export interface Question {
  /** `rows` the training images. */
  task: Omit<TileTask, 'arrays' | 'cols'>;
  test: TileTask['rows'];
  trainLabels: readonly number[];
  testLabels: readonly number[];
  classes: number;
  times: readonly number[];
  diagReg: readonly number[];
}

/** One kind at one depth. */
export interface Answer {
  depth: number;
  kernel: KernelName;
  spectrum: SpectrumResult;
  route: StripPredictor['route'];
  /** The predictions on the test images, images x classes: the mean predictor's, then each time's and each ridge's. */
  mean: Float64Array;
  dynamics: Float64Array[];
  regression: Float64Array[];
}

export const placeOf = ({ depth, kernel, route }: Answer) => `${kernel}, depth ${depth}, ${route}`;

/** Both kinds at every depth: spectrum of train x train, predictions from test x train. */
export async function analyze(engine: Engine, question: Question): Promise<Answer[]> {
  const arrays = ['matrix', 'complement'] as const;
  const task = { ...question.task, arrays, cols: null };
  const train = await engine.computeTile(task);
  const test = await engine.computeTile({ ...task, rows: question.test, cols: task.rows });
  const answers: Answer[] = [];
  for (const [index, depth] of task.depths.entries()) {
    for (const kernel of task.kernels) {
      const tiles = { train: train[kernel] as KernelTile, test: test[kernel] as KernelTile };
      answers.push({ depth, kernel, ...(await analyzeDepth(question, tiles, index)) });
    }
  }
  return answers;
}

async function analyzeDepth(
  { task, test, trainLabels, testLabels, classes, times, diagReg }: Question,
  tiles: { train: KernelTile; test: KernelTile },
  index: number,
): Promise<Omit<Answer, 'depth' | 'kernel'>> {
  const [size, rows, depths] = [task.rows.count, test.count, task.depths.length];
  const [own, others] = [Int32Array.from(trainLabels), Int32Array.from(testLabels)];
  const spectrum = await analyzeMatrix(linalg, {
    complement: atDepth(tiles.train.complement, index, depths),
    reference: tiles.train.reference[index] as number,
    deviations: atDepth(tiles.train.rowDeviations, index, depths),
    readMatrix: async (into) => into.set(atDepth(tiles.train.matrix, index, depths)),
    precision: task.precision,
    size,
    labels: labelMatrix(own, classes, 'centered', own),
    meanLabels: labelMatrix(own, classes, 'centered-over-images', own),
    classes,
    trainLabels: own,
    spectrum: 'full',
    diagReg,
    times,
    learningRate: 'max',
    wantSolutions: true,
  });
  const { predictor } = spectrum;
  const { predictions } = await scoreStrip(linalg, {
    predictor,
    values: atDepth(predictor.route === 'plain' ? tiles.test.matrix : tiles.test.complement, index, depths),
    rowDeviations: atDepth(tiles.test.rowDeviations, index, depths),
    rows,
    size,
    classes,
    testLabels: others,
    targets: labelMatrix(others, classes, 'centered', own),
    meanTargets: labelMatrix(others, classes, 'centered-over-images', own),
  });
  const layout = solutionColumns(times, diagReg, classes);
  const block = (number: number) =>
    Float64Array.from({ length: rows * classes }, (_, i) => {
      const row = Math.floor(i / classes);
      return predictions[row * layout.columns + number * classes + (i % classes)] as number;
    });
  return {
    spectrum,
    route: predictor.route,
    mean: block(layout.meanPredictor),
    dynamics: times.map((_, i) => block(layout.time(i))),
    regression: diagReg.map((_, i) => block(layout.ridge(i))),
  };
}

/** A copy in float64: the analysis overwrites what it is given. */
function atDepth(array: TileArray | null, index: number, depths: number): Float64Array {
  if (!array) throw new Error('The engine left out an array that was asked for.');
  const size = array.length / depths;
  return Float64Array.from(array.subarray(index * size, (index + 1) * size));
}
