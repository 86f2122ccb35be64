/** The words of captions: spec, data and normalization in the field's terms. */
import {
  type Activation,
  type DatasetInfo,
  type Experiment,
  type ExperimentSpec,
  type KernelName,
  selectedCount,
} from '@tessera/spec';
import { countText, numberMarkup } from './draw/number-markup.js';

/** What a figure needs to know of the experiment its numbers come from. */
export interface FigureExperiment {
  id: string;
  name: string;
  spec: ExperimentSpec;
  /** height x width of an image; 1 for vectors. */
  pixels: number;
  /** Made-up images: the caption says so. */
  isSynthetic: boolean;
  /** What made the numbers, as `tessera 0.1.0`; null where it is not known. */
  software?: string | null | undefined;
}

/** @param dataset null where it has been deleted: pixels are then taken as CIFAR-10's for images */
export function figureExperiment(
  { id, name, spec }: Pick<Experiment, 'id' | 'name' | 'spec'>,
  dataset: Pick<DatasetInfo, 'shape' | 'synthetic'> | null,
  software: string | null,
): FigureExperiment {
  const shape = dataset?.shape ?? { height: 32, width: 32, channels: 3 };
  const pixels = 'inputs' in shape ? 1 : shape.height * shape.width;
  return { id, name, spec, pixels, isSynthetic: dataset?.synthetic ?? false, software };
}

export const kernelText = (kernel: KernelName): string => (kernel === 'ntk' ? 'NTK' : 'NNGP');
/** The matrix' symbol. */
export const kernelSymbol = (kernel: KernelName): string => (kernel === 'ntk' ? 'Θ' : 'K');

export function activationText(activation: Activation): string {
  const { name, ...parameters } = activation as { name: string } & Record<string, number>;
  const list = Object.entries(parameters).map(([key, value]) => `${key} = ${value}`);
  return list.length === 0 ? name : `${name} (${list.join(', ')})`;
}

const families = {
  fcn: 'fully connected network',
  'cnn-flatten': 'convolutional network, flattened (CNN-F)',
  'cnn-gap': 'convolutional network, global average pooling (CNN-P)',
} as const;

const normalizations = {
  standardize: 'standardized by one mean and deviation of the training pixels',
  'unit-sphere': 'each image centred and scaled to the sphere',
  scale: 'pixels/255',
  none: 'not normalized',
} as const;

const labelTexts = {
  'one-hot': 'one-hot labels',
  centered: 'labels one-hot minus 1/classes',
  'centered-over-images': 'labels centred over the training images',
} as const;

export function architectureText({ architecture }: ExperimentSpec): string {
  const { family, activation, filterSize, padding } = architecture;
  const filter = family === 'fcn' ? '' : `, ${filterSize} × ${filterSize} filters, ${padding} padding`;
  return `${families[family]}, ${activationText(activation)}${filter}`;
}

export function dataText({ spec, isSynthetic }: FigureExperiment): string {
  const { id, train, test, normalization, labels } = spec.dataset;
  const name = id === 'cifar10' ? 'CIFAR-10' : id;
  const synthetic = isSynthetic ? ' (synthetic images)' : '';
  const tested = selectedCount(test) === 0 ? '' : ` and ${countText(selectedCount(test))} test`;
  return (
    `${name}${synthetic}, ${countText(selectedCount(train))} training${tested} images, ` +
    `${normalizations[normalization]}, ${labelTexts[labels]}`
  );
}

/** `NTK of a fully connected network, erf, σ_b² = 0.18; CIFAR-10, 256 training and ... (experiment ..., tessera 0.1.0).` */
export function sourceText(
  experiment: FigureExperiment,
  fixed: { kernel?: KernelName; weightVariance?: number; biasVariance?: number; depth?: number },
): string {
  const { kernel, weightVariance, biasVariance, depth } = fixed;
  const values = [
    ...(weightVariance === undefined ? [] : [`σ_w² = ${numberMarkup(weightVariance, 4)}`]),
    ...(biasVariance === undefined ? [] : [`σ_b² = ${numberMarkup(biasVariance, 4)}`]),
    ...(depth === undefined ? [] : [`depth l = ${countText(depth)}`]),
  ];
  const what = kernel === undefined ? '' : `${kernelText(kernel)} of a `;
  const made = experiment.software ? `, ${experiment.software}` : '';
  const at = values.length === 0 ? '' : `, ${values.join(', ')}`;
  const text = `${what}${architectureText(experiment.spec)}${at}`;
  return `${text[0]?.toUpperCase()}${text.slice(1)}; ${dataText(experiment)} (experiment ${experiment.id}${made}).`;
}
