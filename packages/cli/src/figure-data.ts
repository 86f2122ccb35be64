/** What a figure is drawn from, asked of the server. */
import type { TesseraClient } from '@tessera/client';
import {
  type ComparedQuantity,
  type FigureData,
  type FigureExperiment,
  type FigureName,
  figureExperiment,
  type GridPointChoice,
  type ScoreAt,
} from '@tessera/figures';
import { type AnalysisRow, expandAxis, type KernelName, TesseraError } from '@tessera/spec';
import { UsageError } from './error-report.js';

/** The options of `tessera figure` that choose what is drawn. */
export interface FigureChoice {
  kernel?: KernelName | undefined;
  weightVariance?: number | undefined;
  biasVariance?: number | undefined;
  depth?: number | undefined;
  at?: ScoreAt | undefined;
  quantity?: string | undefined;
  /** Other experiments beside the first. */
  with: readonly string[];
}

interface Loaded {
  experiment: FigureExperiment;
  rows: AnalysisRow[];
}

/** @throws UsageError where the choice does not fit the figure or the grid */
export async function loadFigureData(
  client: TesseraClient,
  id: string,
  name: FigureName,
  choice: FigureChoice,
): Promise<FigureData[FigureName]> {
  const { kernel, biasVariance, at } = choice;
  switch (name) {
    case 'phase-diagram':
    case 'depth-scales':
    case 'correlation-map':
      return theoryData(name, await loadExperiment(client, id), choice);
    case 'accuracy-map': {
      const quantity = oneOf(choice.quantity ?? 'accuracy', ['accuracy', 'loss']);
      return { ...(await load(client, id)), kernel, biasVariance, at, quantity };
    }
    case 'kappa-map':
      return { ...(await load(client, id)), kernel, biasVariance };
    case 'spectrum-depth':
    case 'mean-predictor': {
      const weightVariances = choice.weightVariance === undefined ? undefined : [choice.weightVariance];
      return { ...(await load(client, id)), kernel, biasVariance, weightVariances };
    }
    case 'spectrum': {
      const { experiment, row, point } = await loadPoint(client, id, choice);
      const bytes = await client.openArray(id, `${point.kernel}_eigenvalues`, placeOf(point));
      return { experiment, row, ...point, eigenvalues: (await readNpy(bytes)).values };
    }
    case 'learning-curves': {
      const { experiment, row } = await loadPoint(client, id, choice);
      if (row === null) throw new UsageError('There is no result row of this point yet.');
      return { experiment, row };
    }
    case 'networks': {
      const [loaded, trainings] = await Promise.all([load(client, id), all(client.trainings(id))]);
      if (trainings.length === 0)
        throw new UsageError(
          'No network of this experiment is trained yet; its spec asks for some with "training".',
        );
      const quantity = oneOf(choice.quantity ?? 'accuracy', ['accuracy', 'loss']);
      const weightVariances = choice.weightVariance === undefined ? undefined : [choice.weightVariance];
      return { ...loaded, trainings, biasVariance, at, quantity, weightVariances };
    }
    case 'kernel-matrix': {
      const { experiment, point } = await loadPoint(client, id, choice);
      const request = { ...placeOf(point), order: 'class', width: 1024, height: 1024 };
      const [block, labels] = await Promise.all([
        client.openMatrix(id, `${point.kernel}_train_train`, request).then(readNpy),
        client.getLabels(id),
      ]);
      const [height, width] = block.shape as [number, number];
      const count = labels.train.length;
      const classes = [...labels.train].sort((a, b) => a - b);
      const axis = { start: 0, stop: count, classes, images: 'training image' };
      return {
        experiment,
        ...point,
        rows: axis,
        columns: axis,
        block: { height, width, values: block.values },
        classNames: labels.classNames,
        reduction: count > 1024 ? 'mean' : null,
      };
    }
    case 'compare-maps':
    case 'compare-lines':
    case 'difference-map': {
      if (choice.with.length === 0)
        throw new UsageError(`${name} needs --with and the id of another experiment.`);
      if (choice.with.length > 7) throw new UsageError(`${name} takes eight experiments at most.`);
      const experiments = await Promise.all([id, ...choice.with].map((one) => load(client, one)));
      const quantity = oneOf(choice.quantity ?? 'test_accuracy', compared);
      const first = experiments[0] as Loaded;
      const weightVariance =
        choice.weightVariance ?? middle(expandAxis(first.experiment.spec.grid.weightVariance));
      return { experiments, kernel, biasVariance, at, quantity, weightVariance };
    }
  }
}

const compared: ComparedQuantity[] = [
  'test_accuracy',
  'train_accuracy',
  'test_loss',
  'train_loss',
  'kappa',
  'mean_predictor_norm',
];

function oneOf<T extends string>(text: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(text)) return text as T;
  throw new UsageError(`--quantity is ${JSON.stringify(text)}; write one of ${choices.join(', ')}.`);
}

const middle = (values: readonly number[]) => values[Math.floor(values.length / 2)] as number;

async function loadExperiment(client: TesseraClient, id: string): Promise<FigureExperiment> {
  const made = await client.getExperiment(id);
  const dataset = await client.getDataset(made.spec.dataset.id).catch((error: unknown) => {
    if (error instanceof TesseraError && error.code === 'not-found') return null;
    throw error;
  });
  return figureExperiment(made, dataset, 'tessera');
}

async function load(client: TesseraClient, id: string): Promise<Loaded> {
  const experiment = await loadExperiment(client, id);
  return { experiment, rows: await all(client.analyses(id)) };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The point the options name; the middle of each axis that they leave open. */
async function loadPoint(
  client: TesseraClient,
  id: string,
  choice: FigureChoice,
): Promise<{ experiment: FigureExperiment; row: AnalysisRow | null; point: GridPointChoice }> {
  const experiment = await loadExperiment(client, id);
  const { grid, kernels } = experiment.spec;
  const point: GridPointChoice = {
    kernel: choice.kernel ?? (kernels.includes('ntk') ? 'ntk' : 'nngp'),
    weightVariance: choice.weightVariance ?? middle(expandAxis(grid.weightVariance)),
    biasVariance: choice.biasVariance ?? middle(expandAxis(grid.biasVariance)),
    depth: choice.depth ?? middle(expandAxis(grid.depth)),
  };
  const { items } = await client.listAnalyses(id, point);
  return { experiment, row: items[0] ?? null, point };
}

const placeOf = ({ weightVariance, biasVariance, depth }: GridPointChoice) => ({
  weightVariance: String(weightVariance),
  biasVariance: String(biasVariance),
  depth: String(depth),
});

function theoryData(
  name: 'phase-diagram' | 'depth-scales' | 'correlation-map',
  { spec }: FigureExperiment,
  choice: FigureChoice,
): FigureData[typeof name] {
  const { activation } = spec.architecture;
  const weights = expandAxis(spec.grid.weightVariance).sort((a, b) => a - b);
  const biases = expandAxis(spec.grid.biasVariance).sort((a, b) => a - b);
  const [low, high] = [weights[0] as number, weights.at(-1) as number];
  const weightRange = [Math.max(0, Math.min(low - 0.25, 0.5)), Math.max(high + 0.25, 3)] as const;
  if (name === 'phase-diagram') {
    const points = weights.flatMap((weightVariance) =>
      biases.map((biasVariance) => ({ weightVariance, biasVariance })),
    );
    const biasRange = [0, Math.max(0.25, 1.25 * (biases.at(-1) as number))] as const;
    return { activation, weightRange, biasRange, points };
  }
  if (name === 'depth-scales') {
    const biasVariances = choice.biasVariance === undefined ? biases : [choice.biasVariance];
    return { activation, biasVariances, weightRange, weightVariances: weights };
  }
  const biasVariance = choice.biasVariance ?? (biases[0] as number);
  const picked =
    choice.weightVariance === undefined
      ? [...new Set([low, middle(weights), high])]
      : [choice.weightVariance];
  return { activation, points: picked.map((weightVariance) => ({ weightVariance, biasVariance })) };
}

/** Numbers of a `.npy` that the service wrote: `<f8` or `<f4`, format 1.0. */
async function readNpy(response: Response): Promise<{ shape: number[]; values: Float64Array }> {
  const bytes = await response.arrayBuffer();
  const headerBytes = new DataView(bytes).getUint16(8, true);
  const header = new TextDecoder('latin1').decode(new Uint8Array(bytes, 10, headerBytes));
  const shape = (/'shape': \(([\d, ]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const data = bytes.slice(10 + headerBytes);
  const values = header.includes("'<f4'")
    ? Float64Array.from(new Float32Array(data))
    : new Float64Array(data);
  return { shape, values };
}
