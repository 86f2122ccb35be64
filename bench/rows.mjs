/** What the bench measures: a row an id, with its bar. `ratio` is always the reference's time over ours. */

const raw = 'raw images to matrices';
const given = 'without the read-in on both sides: their Kernel object, our K0, given';
const fcn = 'fcn, 1,000 images, 20 layers';
const flatten = 'cnn-flatten 3 x 3 circular, 64 images, 10 layers';
const gap = 'cnn-gap 3 x 3 circular, 4 images, 10 layers';
const against = 'against neural-tangents';
const registers =
  'reference: the same dual-activation arithmetic on registers alone, as many entries and layers';

function fcnRows() {
  const bars = { 'erf-f64': [12, 18], 'erf-f32': [10, 20], 'relu-f64': [35, 70], 'relu-f32': [40, 140] };
  const rows = Object.entries(bars).flatMap(([network, [whole, kernel]]) => {
    const [activation, precision] = network.split('-');
    const what = `${fcn}, ${activation} ${precision} ${against}`;
    return [
      { id: `fcn-${network}`, what: `${what}, ${raw}`, unit: 'ms', bar: whole },
      { id: `fcn-${network}-kernel`, what: `${what}, ${given}`, unit: 'ms', bar: kernel },
    ];
  });
  return [
    ...rows.filter(({ id }) => !id.endsWith('-kernel')),
    ...rows.filter(({ id }) => id.endsWith('-kernel')),
  ];
}

/** @typedef {{id: string, what: string, unit: string, bar: number}} Row */
/** @type {Row[]} */
export const rows = [
  ...fcnRows(),
  {
    id: 'fcn-erf-f64-test-train',
    what: `fcn, 2,000 x 500 images, 20 layers, erf f64 ${against}, ${raw}`,
    unit: 'ms',
    bar: 6,
  },
  { id: 'cnn-flatten-relu-f64', what: `${flatten}, relu f64 ${against}, ${raw}`, unit: 'ms', bar: 20 },
  { id: 'cnn-flatten-relu-f32', what: `${flatten}, relu f32 ${against}, ${raw}`, unit: 'ms', bar: 45 },
  { id: 'cnn-gap-relu-f64', what: `${gap}, relu f64 ${against}, ${raw}`, unit: 'ms', bar: 40 },
  {
    id: 'cnn-gap-relu-f32',
    what: `${gap}, relu f32 ${against} in its faster precision, ${raw}`,
    unit: 'ms',
    bar: 120,
  },
  {
    id: 'heatmap',
    what: 'examples/heatmap-fcn.json for NTK alone, every fifth of its 40 variances, POST to completed, against a script of neural-tangents and numpy; both have done one variance before',
    unit: 's',
    bar: 6,
  },
  {
    id: 'depths-in-one-pass',
    what: 'the 30 depths of examples/heatmap-fcn.json in one pass, erf f64, a block of test rows; reference: the deepest alone',
    unit: 'ms',
    bar: 0.87,
  },
  { id: 'registers-fcn', what: `${fcn}, our kernel call; ${registers}`, unit: 'ms', bar: 0.75 },
  {
    id: 'registers-cnn-gap-f32',
    what: `${gap}, relu f32, our kernel call; ${registers}`,
    unit: 'ms',
    bar: 0.6,
  },
  {
    id: 'registers-cnn-gap-f64',
    what: `${gap}, relu f64, our kernel call; ${registers}`,
    unit: 'ms',
    bar: 0.55,
  },
  {
    id: 'cnn-gap-same-padding-f32',
    what: `padding same; reference: ${gap}, relu f32, ours`,
    unit: 'ms',
    bar: 0.5,
  },
  { id: 'cnn-gap-erf-f32', what: `erf; reference: ${gap}, relu f32, ours`, unit: 'ms', bar: 0.4 },
  { id: 'cnn-gap-gelu-f32', what: `gelu; reference: ${gap}, relu f32, ours`, unit: 'ms', bar: 0.2 },
  {
    id: 'eigensolver',
    what: 'spectrum and gradient flow of an NTK of 4,000 images in graded form; reference: dsyevd with vectors called directly, same OpenBLAS and threads',
    unit: 's',
    bar: 0.91,
  },
  {
    id: 'service-overhead',
    what: 'a cnn-gap job through the services, POST to completed; reference: the same engine calls in one process; both have done a small one before',
    unit: 's',
    bar: 0.95,
  },
  {
    id: 'two-workers',
    what: 'the same job by two workers of one core each; reference: by one worker of one core',
    unit: 's',
    bar: 1.9,
  },
  {
    id: 'tiny',
    what: 'an experiment of 4 images, POST to completed; reference: half a second',
    unit: 's',
    bar: 1,
  },
];

/**
 * The rows of the parts asked for: an id, or the beginning of ids. No parts: all.
 * @returns {{chosen: Row[], unknown: string[]}} rows in the table's order; parts that no row answers to
 */
export function chooseRows(parts) {
  if (parts.length === 0) return { chosen: rows, unknown: [] };
  const answers = (part) => {
    const exact = rows.filter(({ id }) => id === part);
    return exact.length > 0 ? exact : rows.filter(({ id }) => id.startsWith(part));
  };
  const wanted = new Set(parts.flatMap(answers));
  return {
    chosen: rows.filter((row) => wanted.has(row)),
    unknown: parts.filter((part) => answers(part).length === 0),
  };
}
