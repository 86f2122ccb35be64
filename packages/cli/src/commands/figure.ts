import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  drawFigure,
  type Figure,
  type FigureName,
  figureNames,
  printWidths,
  type ScoreAt,
  type ThemeName,
  tableCsv,
  tableNpy,
} from '@tessera/figures';
import type { KernelName } from '@tessera/spec';
import { Option } from 'commander';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { loadFigureData } from '../figure-data.js';
import { readNumber, unreadable } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

interface FigureCommandOptions {
  out: string;
  data?: string;
  width?: string;
  height?: string;
  theme: ThemeName;
  kernel?: KernelName;
  weightVariance?: string;
  biasVariance?: string;
  depth?: string;
  time?: string;
  diagReg?: string;
  quantity?: string;
  with: string[];
}

/** Inter Regular: what figures are laid out with, embedded in PDF and drawn in PNG. */
const fontFile = fileURLToPath(
  import.meta.resolve('@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf'),
);
/** Pixels a point of a printed figure: 300 dots an inch. Screen figures are drawn at two pixels a pixel. */
const printRatio = 300 / 72;
const screenRatio = 2;

const collect = (value: string, previous: string[]) => [...previous, ...value.split(',')];

/** `tessera figure ID accuracy-map --out map.pdf`: a figure as a file, and its data. */
export const addFigure: AddCommand = (program, action) =>
  program
    .command('figure')
    .summary('draw a figure of an experiment')
    .description(
      'Draw a figure of an experiment as SVG, PDF or PNG. What an option leaves open is chosen: the NTK, the first ' +
        'bias variance, the last time, the middle of the grid.',
    )
    .argument('<id>', 'the experiment')
    .argument('<name>', `one of ${figureNames.join(', ')}`)
    .requiredOption('--out <file>', 'the file to write: .svg, .pdf or .png')
    .option('--data <file>', 'write what is drawn too: .csv or .npy')
    .addOption(new Option('--theme <name>', 'the look').choices(['light', 'dark', 'print']).default('print'))
    .option(
      '--width <width>',
      'column (3.25 in), page (6.75 in), or a number of px (pt in print); default column',
    )
    .option('--height <height>', 'px, or pt in print; default what suits the width')
    .addOption(new Option('--kernel <name>', 'which kernel').choices(['ntk', 'nngp']))
    .option('--weight-variance <value>', 'sigma_w^2, a value of the grid')
    .option('--bias-variance <value>', 'sigma_b^2, a value of the grid')
    .option('--depth <value>', 'a depth of the grid')
    .option('--time <value>', 'a gradient-flow time of the spec')
    .option('--diag-reg <value>', 'a ridge of the spec, instead of a time')
    .option('--quantity <name>', 'accuracy or loss; comparisons: test_accuracy, train_accuracy, kappa, ...')
    .option('--with <ids>', 'experiments to compare with; may be given several times', collect, [])
    .action(action(figure));

async function figure(session: Session, [id, name]: string[], options: FigureCommandOptions) {
  if (!(figureNames as readonly string[]).includes(name as string)) {
    throw new UsageError(`There is no figure ${JSON.stringify(name)}; there are ${figureNames.join(', ')}.`);
  }
  const kind = extensionOf(options.out, '--out', ['svg', 'pdf', 'png']);
  const dataKind = options.data === undefined ? null : extensionOf(options.data, '--data', ['csv', 'npy']);
  const numberOf = (text: string | undefined, option: string) =>
    text === undefined ? undefined : readNumber(text, option);
  const { kernel, theme, quantity } = options;
  const figureName = name as FigureName;
  const data = await loadFigureData(session.client, id as string, figureName, {
    kernel,
    quantity,
    at: scoreOf(options),
    weightVariance: numberOf(options.weightVariance, '--weight-variance'),
    biasVariance: numberOf(options.biasVariance, '--bias-variance'),
    depth: numberOf(options.depth, '--depth'),
    with: options.with,
  });
  const height = numberOf(options.height, '--height');
  const width = widthOf(options.width, theme);
  const drawn = drawFigure(figureName, data as never, { theme, width, height });
  await write(options.out, await encode(drawn, kind, theme));
  if (dataKind !== null && options.data !== undefined) {
    await write(options.data, dataKind === 'csv' ? tableCsv(drawn.table) : tableNpy(drawn.table));
  }
  const files = { file: options.out, ...(options.data === undefined ? {} : { data: options.data }) };
  session.show(
    { ...files, caption: drawn.caption },
    () => `${Object.values(files).join(', ')}\n${drawn.caption}`,
  );
  return exitCodes.fine;
}

function scoreOf({ time, diagReg }: FigureCommandOptions): ScoreAt | undefined {
  if (time !== undefined && diagReg !== undefined)
    throw new UsageError('Write --time or --diag-reg, not both.');
  if (time !== undefined) return { time: readNumber(time, '--time') };
  return diagReg === undefined ? undefined : { diagReg: readNumber(diagReg, '--diag-reg') };
}

function widthOf(text: string | undefined, theme: ThemeName): number {
  const isPrint = theme === 'print';
  if (text === undefined) return isPrint ? printWidths.column : 900;
  if (text === 'column' || text === 'page') return printWidths[text] * (isPrint ? 1 : 96 / 72);
  const width = readNumber(text, '--width');
  if (width >= 160 && width <= 8000) return width;
  throw new UsageError(`--width is ${text}; write column, page, or a number from 160 to 8000.`);
}

function extensionOf<T extends string>(file: string, option: string, kinds: readonly T[]): T {
  const found = kinds.find((kind) => file.toLowerCase().endsWith(`.${kind}`));
  if (found !== undefined) return found;
  throw new UsageError(`${option} is ${file}; write a name that ends in .${kinds.join(', .')}.`);
}

async function encode(
  drawn: Figure,
  kind: 'svg' | 'pdf' | 'png',
  theme: ThemeName,
): Promise<string | Uint8Array> {
  if (kind === 'svg') return drawn.svg;
  // Loaded when asked for: both are large.
  if (kind === 'pdf') {
    const { toPdf } = await import('@tessera/figures/pdf');
    return toPdf(drawn.scene, await readFile(fontFile), drawn.caption);
  }
  const { Resvg } = await import('@resvg/resvg-js');
  const image = new Resvg(drawn.svg, {
    font: { fontFiles: [fontFile], loadSystemFonts: false, defaultFontFamily: 'Inter' },
    // In inches the picture is read at 96 px an inch.
    fitTo: {
      mode: 'width',
      value: Math.round(drawn.scene.width * (theme === 'print' ? printRatio : screenRatio)),
    },
    ...(drawn.scene.background === null ? { background: '#ffffff' } : {}),
  });
  return image.render().asPng();
}

async function write(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(file, content).catch((error: unknown) => {
    throw unreadable(file, error);
  });
}
