/**
 * The tables of docs/deploy/sizing.md, from the planner and the cost model.
 *
 *     npx tsx scripts/sizing.ts      # writes them between the page's markers
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type PlanLimits, planExperiment } from '@tessera/plan';
import { parseSpec } from '@tessera/spec';

/** What a core costs an hour, in USD: an assumption, of the order of what clouds ask for a virtual core on demand. */
export const coreHourPrice = 0.04;

const unlimited: PlanLimits = {
  kernels: Number.POSITIVE_INFINITY,
  tiles: Number.POSITIVE_INFINITY,
  analyses: Number.POSITIVE_INFINITY,
  strips: Number.POSITIVE_INFINITY,
  trainings: Number.POSITIVE_INFINITY,
  trainingStepBytes: Number.POSITIVE_INFINITY,
  keptBytes: Number.POSITIVE_INFINITY,
  temporaryBytesPerKernel: Number.POSITIVE_INFINITY,
  tileBytes: Number.POSITIVE_INFINITY,
  stripRowBytes: Number.POSITIVE_INFINITY,
};

const families = {
  fcn: { family: 'fcn', activation: { name: 'erf' } },
  'cnn-flatten': { family: 'cnn-flatten', activation: { name: 'relu' } },
  'cnn-gap': { family: 'cnn-gap', activation: { name: 'relu' } },
} as const;
type Family = keyof typeof families;

const shape = { height: 32, width: 32, channels: 3 };

/** One pair of variances, one depth, the NTK in f64, a regression with one ridge. */
function planOf(family: Family, train: number, depth: number) {
  const spec = parseSpec({
    name: 'sizing',
    dataset: { id: 'cifar10', train: Math.min(train, 50_000) },
    architecture: families[family],
    grid: { weightVariance: [2], biasVariance: [0.05], depth: [depth] },
    kernels: ['ntk'],
    analysis: { spectrum: 'full', regression: { diagReg: [0.001] } },
  });
  return planExperiment(spec, { train, test: 0, classes: 10, shape }, { limits: unlimited });
}

/** Pairs of pixels of a pair of images that a layer works on; cnn-gap's planes come in mirrored pairs. */
const pixelPairs: Record<Family, number> = { fcn: 1, 'cnn-flatten': 1024, 'cnn-gap': 1024 * 1024 };

function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let value = count;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${number(value)} ${units[unit]}`;
}

function number(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 1 - Math.floor(Math.log10(value)));
  return digits > 6
    ? value.toExponential(1)
    : Number(value.toPrecision(2)).toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 6) });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const sizes: [Family, number, number][] = [
  ['fcn', 1000, 50],
  ['fcn', 10_000, 50],
  ['fcn', 50_000, 50],
  ['cnn-flatten', 1000, 20],
  ['cnn-flatten', 10_000, 20],
  ['cnn-flatten', 50_000, 20],
  ['cnn-gap', 256, 20],
  ['cnn-gap', 1000, 20],
  ['cnn-gap', 10_000, 20],
];

function sizingTable(): string {
  const rows = sizes.map(([family, train, depth]) => {
    const plan = planOf(family, train, depth);
    const kernelHours = plan.workSeconds.tiles / 3600;
    const analysisHours = plan.workSeconds.analyses / 3600;
    const entries = ((train * (train + 1)) / 2) * depth * pixelPairs[family];
    return [
      family,
      train.toLocaleString('en-US'),
      String(depth),
      number(kernelHours),
      number(analysisHours),
      number((kernelHours + analysisHours) * coreHourPrice),
      bytes(plan.bytes.temporary),
      bytes(8 * train * train),
      bytes(plan.bytes.analysis),
      `${entries.toExponential(1).replace('e+', 'e')} t`,
    ];
  });
  return table(
    [
      'architecture',
      'images N',
      'depth L',
      'core-hours, kernel',
      'core-hours, analysis',
      'USD',
      'temporary',
      'one matrix, f64',
      'memory, one analysis',
      'GPU, ms',
    ],
    rows,
  );
}

function growthTable(): string {
  const rows = [10_000, 50_000, 200_000, 1_000_000, 5_000_000].map((train) => {
    const { workSeconds, bytes: size } = planOf('fcn', train, 50);
    const kernelHours = workSeconds.tiles / 3600;
    const analysisHours = workSeconds.analyses / 3600;
    return [
      train.toLocaleString('en-US'),
      bytes(8 * train * train),
      number(kernelHours),
      number(kernelHours / 1000),
      number(analysisHours),
      bytes(size.analysis),
    ];
  });
  return table(
    [
      'images N',
      'one matrix, f64',
      'core-hours, kernel',
      'hours on 1,000 cores',
      'core-hours, dense analysis',
      'memory, dense analysis',
    ],
    rows,
  );
}

/** Marker to what stands behind it on the page. */
export const tables: Readonly<Record<string, string>> = { sizing: sizingTable(), growth: growthTable() };

/** The page with every table between its markers replaced. @throws Error for a marker that the page lacks */
export function withTables(page: string): string {
  let text = page;
  for (const [name, content] of Object.entries(tables)) {
    const pattern = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!pattern.test(text)) throw new Error(`The page has no markers for ${name}.`);
    text = text.replace(pattern, (_, start: string, end: string) => `${start}${content}\n${end}`);
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../docs/deploy/sizing.md', import.meta.url);
  writeFileSync(file, withTables(readFileSync(file, 'utf8')));
}
