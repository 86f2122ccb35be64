/** The paper's experiments (Xiao, Pennington and Schoenholz, ICML 2020), sized for two cores. */
import type { ExperimentSpecInput } from '@tessera/spec';

export interface Preset {
  key: string;
  title: string;
  what: string;
  spec: ExperimentSpecInput;
}

const mapDepths = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100,
  105,
];
const times = [1, 8, 64, 512, 4096];
/** chi_1 = 1 of erf at this bias variance. */
const erfCritical = { weightVariance: 1.747603749767703, biasVariance: 0.18 };

const phases = (
  family: 'fcn' | 'cnn-flatten' | 'cnn-gap',
  train: number,
  depth: number,
): ExperimentSpecInput => ({
  name: `erf, ${family}, spectrum against depth in the three phases`,
  dataset: {
    id: 'cifar10',
    train,
    test: 32,
    normalization: 'unit-sphere',
    labels: 'centered-over-images',
  },
  architecture: { family, activation: { name: 'erf' } },
  grid: {
    weightVariance: [1, erfCritical.weightVariance, 2.5],
    biasVariance: [erfCritical.biasVariance],
    depth: { from: 0, to: depth, step: depth > 50 ? 10 : 1 },
  },
  kernels: ['ntk', 'nngp'],
  analysis: { spectrum: 'full', dynamics: { times } },
});

export const presets: readonly Preset[] = [
  {
    key: 'heatmap',
    title: 'Trainability and generalization over (σw², depth)',
    what: 'Figures 1 and 4: 40 weight variances, 30 depths, train and test accuracy with the depth scales.',
    spec: {
      name: 'erf, CIFAR-10, trainability and generalization',
      dataset: { id: 'cifar10', train: 256, test: 1000, normalization: 'standardize', labels: 'centered' },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: {
        weightVariance: { from: 0.5, to: 3, count: 40 },
        biasVariance: [erfCritical.biasVariance],
        depth: mapDepths,
      },
      kernels: ['ntk', 'nngp'],
      analysis: { spectrum: 'full', dynamics: { times } },
      keep: { kernels: 'none' },
    },
  },
  {
    key: 'spectrum-fcn',
    title: 'Spectrum against depth, fully connected',
    what: 'Table 1 and figure 3: λmax, λbulk and κ in the ordered, critical and chaotic phase.',
    spec: phases('fcn', 64, 400),
  },
  {
    key: 'spectrum-cnn-flatten',
    title: 'Spectrum against depth, convolutional and flattened',
    what: 'The same for CNN-F: without pooling it behaves almost as a fully connected network.',
    spec: phases('cnn-flatten', 32, 10),
  },
  {
    key: 'spectrum-cnn-gap',
    title: 'Spectrum against depth, convolutional with pooling',
    what: 'The same for CNN-P: global average pooling changes κ by the number of pixels.',
    spec: phases('cnn-gap', 32, 10),
  },
  {
    key: 'small',
    title: 'A first look: a few seconds of work',
    what: 'Synthetic images, 8 weight variances, 6 depths.',
    spec: {
      name: 'a first look',
      dataset: { id: 'synthetic', train: 64, test: 64 },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: {
        weightVariance: { from: 0.5, to: 3, count: 8 },
        biasVariance: [erfCritical.biasVariance],
        depth: [0, 1, 3, 10, 30, 100],
      },
      kernels: ['ntk', 'nngp'],
      tileSize: 16,
      analysis: { spectrum: 'full', dynamics: { times } },
    },
  },
];
