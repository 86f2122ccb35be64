/** The kernels' sources (kernels/*.cl) put together for one activation and precision, and the options they are compiled with. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Precision } from '@tessera/spec';
import { type DeviceInfo, NVIDIA } from './devices.js';
import { type ActivationKind, kindNumber } from './network-numbers.js';

const parts = [
  'prelude',
  'duals',
  'read-in',
  'tiles',
  'fcn',
  'fcn-tanh',
  'planes',
  'cnn-images',
  'cnn-pairs',
  'limits',
] as const;
type Part = (typeof parts)[number];

const source = Object.fromEntries(
  parts.map((part) => [part, readFileSync(new URL(`../kernels/${part}.cl`, import.meta.url), 'utf8')]),
) as Record<Part, string>;

/** A hash of all kernels: with the device and its driver it decides the bits of results. */
export const kernelHash = createHash('sha256').update(JSON.stringify(source)).digest('hex');

export interface ProgramChoice {
  of: 'common' | 'fcn' | 'cnn' | 'limits';
  activation: ActivationKind;
  precision: Precision;
  /** Sizes that the compiler unrolls by. */
  sizes: Readonly<Record<string, number>>;
  /** The most registers an item may take, where the driver can be told; no bit depends on it. */
  registers?: number;
}

/** The kernels that know of no activation. */
export const commonProgram = (precision: Precision): ProgramChoice => ({
  of: 'common',
  activation: 'identity',
  precision,
  sizes: {},
});

export const programKey = ({ of, activation, precision, sizes, registers }: ProgramChoice): string =>
  JSON.stringify([of, activation, precision, sizes, registers]);

const hasDouble = ({ precisions }: DeviceInfo) => precisions.includes('f64');

/** Numbers of type `wide` (kernels/prelude.cl). */
export const wideArray = (
  info: DeviceInfo,
  numbers: Float64Array | Float32Array | readonly number[],
): Float64Array | Float32Array => (hasDouble(info) ? new Float64Array(numbers) : new Float32Array(numbers));
export const realBytes = (precision: Precision): number => (precision === 'f64' ? 8 : 4);
export const wideBytes = (info: DeviceInfo): number => (hasDouble(info) ? 8 : 4);

export function programSource(info: DeviceInfo, { of, activation, precision, sizes }: ProgramChoice): string {
  const isDouble = precision === 'f64';
  const defines = {
    HAS_DOUBLE: Number(hasDouble(info)),
    REAL_DOUBLE: Number(isDouble),
    ACTIVATION: kindNumber(activation),
    ...sizes,
  };
  const begin = [
    ...Object.entries(defines).map(([name, value]) => `#define ${name} ${value}`),
    source.prelude,
  ];
  if (of === 'common') return [...begin, source['read-in'], source.tiles].join('\n');
  const texts: Part[] = of === 'cnn' ? ['duals', 'planes'] : ['duals'];
  const types = [...withType('real', 'r', isDouble, texts), ...withType('wide', 'w', hasDouble(info), texts)];
  return [...begin, ...types, ...tailOf(of, activation).map((part) => source[part])].join('\n');
}

function tailOf(of: ProgramChoice['of'], activation: ActivationKind): Part[] {
  if (of === 'cnn') return ['cnn-images', 'cnn-pairs'];
  if (of === 'limits') return ['limits'];
  return activation === 'tanh' ? ['fcn', 'fcn-tanh'] : ['fcn'];
}

/** What duals.cl and planes.cl define anew in each type. */
const generic = [
  'T',
  'SUFFIX',
  'T_DOUBLE',
  'F',
  'K',
  'H',
  'PARAMETERS',
  'LEVEL_SLOPES',
  'DIFFERENCES',
  'REFERENCES',
  'ARC_SCALE',
  'TERMS',
];

/** Sources in one type. */
function withType(type: string, suffix: string, isDouble: boolean, texts: Part[]): string[] {
  return [
    ...generic.map((name) => `#undef ${name}`),
    `#define T ${type}`,
    `#define SUFFIX ${suffix}`,
    `#define T_DOUBLE ${Number(isDouble)}`,
    ...texts.map((part) => source[part]),
  ];
}

/** No relaxation of arithmetic; kernels say themselves what is contracted (prelude.cl). */
export function buildOptions(info: DeviceInfo, registers = 0): string {
  const options = ['-cl-std=CL1.2'];
  if (registers > 0 && info.platform === NVIDIA) options.push(`-cl-nv-maxrregcount=${registers}`);
  if (info.correctlyRounded) options.push('-cl-fp32-correctly-rounded-divide-sqrt');
  if (!hasDouble(info)) options.push('-cl-single-precision-constant');
  return options.join(' ');
}
