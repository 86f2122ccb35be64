/** The experiments that the load is made of, on the built-in images. */
const architecture = { family: 'fcn', activation: { name: 'erf' } };

/** One kernel of a few images: its work is a fraction of a second. */
export const smallSpec = (number) => ({
  name: `small ${number}`,
  dataset: { id: 'synthetic', train: 24, test: 8 },
  architecture,
  grid: { weightVariance: [1 + (number % 20) / 10], biasVariance: [0.1], depth: [1, 5] },
  analysis: { regression: { diagReg: [0] } },
  keep: { kernels: 'none' },
});

/** Hours of both cores: it runs through whatever is measured. */
export const largeSpec = {
  name: 'large',
  dataset: { id: 'synthetic', train: 1024, test: 1024 },
  architecture,
  grid: {
    weightVariance: { from: 0.5, to: 3, count: 60 },
    biasVariance: { from: 0, to: 1, count: 20 },
    depth: Array.from({ length: 60 }, (_, i) => i + 1),
  },
  kernels: ['ntk', 'nngp'],
  analysis: { regression: { diagReg: [0] }, dynamics: { times: [1, 64, 4096] } },
  keep: { kernels: 'none' },
};
