/** What workers measured of their machines, and the cost table it makes. */
import type { ActivationName } from '@tessera/spec';
import {
  type ByPrecision,
  builtInCosts,
  type CostTable,
  type LayerForm,
  layerForms,
  type ProbedActivation,
  probeOf,
} from './cost-table.js';

/** ns of one core, as in the cost table. */
export interface EngineRates {
  /** Entry-layers of the probed activations; of CNNs with a filter of 3. */
  layer: Record<LayerForm, Record<ProbedActivation, ByPrecision>>;
  gramMultiplyAdd: number;
}

/** Rows of the matrices whose decomposition, factorisation and products with a vector are measured. */
export const probeSizes = { eigh: 384, cholesky: 768, streamed: 2896 } as const;

export interface LinalgRates {
  gemmMultiplyAdd: number;
  /** ns per m^3 at the sizes above. */
  eigenvectors: number;
  eigenvalues: number;
  cholesky: number;
  /** ns per entry of a triangle that a product with a vector reads from memory. */
  streamedEntry: number;
}

export interface StoreRates {
  writeByte: number;
  durableByte: number;
  readByte: number;
}

/** Of networks that a worker trained. */
export interface TrainingRates {
  /** Their steps, in parts of what the built-in table says. */
  step: number;
  /** ns until a network's thread is ready. */
  start: number;
}

/** What one network took: its quickest step, by the clock and by the built-in table, and its thread's start; ns. */
export interface ObservedTraining {
  stepNs: number;
  builtInStepNs: number;
  startNs: number;
}

/** The medians of what was observed; null of nothing. */
export function trainingRatesOf(observed: readonly ObservedTraining[]): TrainingRates | null {
  if (observed.length === 0) return null;
  return {
    step: median(observed.map(({ stepNs, builtInStepNs }) => stepNs / builtInStepNs)),
    start: median(observed.map(({ startNs }) => startNs)),
  };
}

/** What a process says of its machine and of what it measured there; null where it has not that part. */
export interface Rates {
  version: 2;
  /** Processes of one host share its cores. */
  host: string;
  hostCores: number;
  /** Cores this process may use. */
  threads: number;
  /** What an aggregator may hold at once; null for a worker. */
  memoryBytes: number | null;
  engine: EngineRates | null;
  linalg: LinalgRates | null;
  store: StoreRates | null;
  /** Not measured at the start: known once networks were trained. */
  training?: TrainingRates | null;
}

/** True for what `calibrate` of this version made; what else a database may hold is left out of account. */
export function isRates(value: unknown): value is Rates {
  return typeof value === 'object' && value !== null && (value as Rates).version === 2;
}

const probedFilter = 3;

/** The built-in table with everything that the processes measured put in place: medians over those that did. */
export function costsOf(measured: readonly Rates[]): CostTable {
  const engine = medianOf(measured.flatMap((rates) => rates.engine ?? []));
  const linalg = medianOf(measured.flatMap((rates) => rates.linalg ?? []));
  const store = medianOf(measured.flatMap((rates) => rates.store ?? []));
  const training = medianOf(measured.flatMap((rates) => rates.training ?? []));
  return {
    ...builtInCosts,
    ...(engine && engineCosts(engine)),
    ...(linalg && {
      gemmMultiplyAdd: linalg.gemmMultiplyAdd,
      eigenvectors: scaledEigh(builtInCosts.eigenvectors, linalg.eigenvectors),
      eigenvalues: scaledEigh(builtInCosts.eigenvalues, linalg.eigenvalues),
      cholesky: linalg.cholesky,
      cachedEntry: builtInCosts.cachedEntry * eighScale(builtInCosts.eigenvalues, linalg.eigenvalues),
      streamedEntry: linalg.streamedEntry,
    }),
    ...store,
    ...(training && {
      trainMultiplyAdd: builtInCosts.trainMultiplyAdd * training.step,
      trainEntry: builtInCosts.trainEntry * training.step,
      trainParameter: builtInCosts.trainParameter * training.step,
      trainStep: builtInCosts.trainStep * training.step,
      trainStart: training.start,
    }),
  };
}

/** What a decomposition measured to cost `perCube` ns per m^3 at the probe's size costs of the table's. */
function eighScale(eigh: CostTable['eigenvalues'], perCube: number): number {
  return perCube / (eigh.cube + eigh.square / probeSizes.eigh);
}

/** The same in the table's proportions, for every size. */
function scaledEigh(eigh: CostTable['eigenvalues'], perCube: number): CostTable['eigenvalues'] {
  const scale = eighScale(eigh, perCube);
  return { cube: eigh.cube * scale, square: eigh.square * scale };
}

/** What a layer of the probe costs by the built-in table. */
function builtInProbe(form: LayerForm, activation: ProbedActivation, precision: 'f64' | 'f32'): number {
  const filter = form === 'fcn' ? 0 : builtInCosts.filter[precision] * probedFilter;
  return builtInCosts.layer[form][activation][precision] + filter;
}

/** Every activation scaled as the one that stands for it; a filter as relu, which it weighs most in. */
function engineCosts({ layer, gramMultiplyAdd }: EngineRates): Partial<CostTable> {
  const scale = (form: LayerForm, activation: ProbedActivation, precision: 'f64' | 'f32') =>
    layer[form][activation][precision] / builtInProbe(form, activation, precision);
  const scaled = (form: LayerForm) =>
    Object.fromEntries(
      Object.entries(builtInCosts.layer[form]).map(([name, { f64, f32 }]) => {
        const probe = probeOf[name as ActivationName];
        return [name, { f64: f64 * scale(form, probe, 'f64'), f32: f32 * scale(form, probe, 'f32') }];
      }),
    ) as Record<ActivationName, ByPrecision>;
  const [fcn, cnn] = layerForms.map(scaled) as [
    Record<ActivationName, ByPrecision>,
    Record<ActivationName, ByPrecision>,
  ];
  const filter = {
    f64: builtInCosts.filter.f64 * scale('cnn', 'relu', 'f64'),
    f32: builtInCosts.filter.f32 * scale('cnn', 'relu', 'f32'),
  };
  return { layer: { fcn, cnn }, filter, gramMultiplyAdd };
}

/** Number by number the median of equally shaped objects; null of none. */
function medianOf<T extends object>(all: readonly T[]): T | null {
  const [first] = all;
  if (first === undefined) return null;
  const entries = Object.entries(first).map(([key, value]) => {
    const values = all.map((one) => (one as Record<string, unknown>)[key]);
    return [key, typeof value === 'number' ? median(values as number[]) : medianOf(values as object[])];
  });
  return Object.fromEntries(entries) as T;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1] as number, sorted[Math.floor(half)] as number];
  return (low + high) / 2;
}
