/**
 * The spectrum at large depth: Table 1 of Xiao, Pennington, Schoenholz, ICML 2020 (arXiv 1912.13053), m = training
 * images, d = pixels for `cnn-gap` and 1 otherwise, l = depth. The table describes the spatial means M before the
 * readout of a CNN; the stored kernels K = sw2 M_K + sb2 11^T and Theta = K + sw2 M_Theta have their eigenvalues
 * scaled by sw2 and a rank-one term added, with the same rates.
 */
import type { Activation, Family, KernelName, Padding } from '@tessera/spec';
import { dual as dualOf } from './duals/for-activation.js';
import { criticalShare } from './kernel-limits.js';
import type { MeanField } from './mean-field.js';

/** One entry of the table at one depth. */
export interface Asymptotic {
  /** As the table writes it. */
  formula: string;
  /** The leading term of the stored kernel, null where the table gives an order only. */
  value: number | null;
  /** The function of depth in the order, without its constant: for a curve through measured points. */
  growth: number;
}

export interface SpectrumAsymptotics {
  lambdaMax: Asymptotic;
  lambdaBulk: Asymptotic;
  kappa: Asymptotic;
  /** Size of the mean predictor P(Theta) Y. */
  meanPredictor: Asymptotic;
}

export interface AsymptoticsRequest {
  activation: Activation;
  point: MeanField;
  kernel: KernelName;
  family: Family;
  padding: Padding;
  trainCount: number;
  /** height x width; 1 for vectors. */
  pixels: number;
  /** l >= 1. */
  depth: number;
  weightVariance: number;
  biasVariance: number;
}

export interface Asymptotics extends SpectrumAsymptotics {
  notes: string[];
}

interface Terms {
  m: number;
  d: number;
  l: number;
  q: number;
  c: number;
  chi1: number;
  chiC: number;
  /** Theta_ab / Theta_aa at criticality: 1/3, or 1/4 where phi has a kink. */
  share: number;
  isSmooth: boolean;
  isPooled: boolean;
}

const of = (formula: string, growth: number, value: number | null = null): Asymptotic => ({
  formula,
  growth,
  value,
});

/**
 * The row of the table for one kernel, phase and depth, as values of the stored kernel.
 *
 * @returns null in the phases without q* (`unbounded`, `degenerate`) and where every correlation is a fixed point
 */
export function asymptotics(request: AsymptoticsRequest): Asymptotics | null {
  const { activation, point, kernel, family, trainCount, depth } = request;
  const { qStar, cStar, chi1, chiC, phase } = point;
  if (qStar === null || cStar === null || chi1 === null || chiC === null) return null;
  if (phase === 'critical' && cStar <= 0.5) return null;
  const terms: Terms = {
    m: trainCount,
    d: family === 'cnn-gap' ? request.pixels : 1,
    l: depth,
    q: qStar,
    c: cStar,
    chi1,
    chiC,
    share: criticalShare(activation),
    isSmooth: dualOf(activation).isSmooth,
    isPooled: family === 'cnn-gap',
  };
  const row = { ordered, critical, chaotic }[phase as 'ordered' | 'critical' | 'chaotic'](terms);
  const notes: string[] = [];
  if (family !== 'fcn' && request.padding === 'same') {
    notes.push('Zero padding: the curves describe the interior of an image and are an approximation.');
  }
  return { ...(family === 'fcn' ? row[kernel] : readOut(row, kernel, request)), notes };
}

type PhaseRow = Record<KernelName, SpectrumAsymptotics>;

function ordered({ m, d, l, q, chi1 }: Terms): PhaseRow {
  const pStar = q / (1 - chi1);
  const decay = chi1 ** l;
  return {
    ntk: {
      lambdaMax: of('m p* + m O(l chi_1^l)', 1, m * pStar),
      lambdaBulk: of('O(l chi_1^l)/d', (l * decay) / d),
      kappa: of('d m p* Omega(chi_1^-l / l)', (d * m * pStar) / (l * decay)),
      meanPredictor: of('O(1)', 1),
    },
    nngp: {
      lambdaMax: of('m q*', 1, m * q),
      lambdaBulk: of('O(chi_1^l)/d', decay / d),
      kappa: of('d m Omega(chi_1^-l)', (d * m) / decay),
      meanPredictor: of('O(1)', 1),
    },
  };
}

function critical({ m, d, l, q, share, isSmooth }: Terms): PhaseRow {
  // Theta_aa = l q*, Theta_ab = share l q*; pooled, a diagonal entry is the mean of 1 equal and d - 1 unequal pixels.
  const offDiagonal = share * l * q;
  const bulk = ((1 - share) * l * q) / d;
  const texts = isSmooth
    ? {
        most: '(m d + 2)/(3 d) l q* + m O(1)',
        bulk: '2/(3 d) l q* + O(1)/d',
        kappa: '(m d + 2)/2 + d m O(1/l)',
      }
    : {
        most: '(m d + 3)/(4 d) l q* + m O(1)',
        bulk: '3/(4 d) l q* + O(1)/d',
        kappa: '(m d + 3)/3 + d m O(1/l)',
      };
  // 1 - c falls like 1/l for smooth phi, like 1/l^2 where phi has a kink.
  const nngpDecay = isSmooth ? 1 / l : 1 / l ** 2;
  const power = isSmooth ? 'l' : 'l^2';
  return {
    ntk: {
      lambdaMax: of(texts.most, l, m * offDiagonal + bulk),
      lambdaBulk: of(texts.bulk, l, bulk),
      kappa: of(texts.kappa, 1, (m * offDiagonal + bulk) / bulk),
      meanPredictor: of('d O(1/l)', d / l),
    },
    nngp: {
      lambdaMax: of('m q*', 1, m * q),
      lambdaBulk: of(`O(1/${power})/d`, nngpDecay / d),
      kappa: of(`d m Omega(${power})`, (d * m) / nngpDecay),
      meanPredictor: of('d O(1/l)', d / l),
    },
  };
}

function chaotic({ m, d, l, q, c, chi1, chiC, isPooled }: Terms): PhaseRow {
  const growth = chi1 ** l / d;
  const most = isPooled ? (c * m + (1 - c) / d) * q : (1 + (m - 1) * c) * q;
  const bulk = ((1 - c) * q) / d;
  return {
    ntk: {
      lambdaMax: of('Theta(chi_1^l)/d', growth),
      lambdaBulk: of('Theta(chi_1^l)/d', growth),
      kappa: of('1 + O(d m chi_1^-l)', 1, 1),
      meanPredictor: of('d O(l (chi_c*/chi_1)^l)', d * l * (chiC / chi1) ** l),
    },
    nngp: {
      lambdaMax: of(isPooled ? '(c* m + (1 - c*)/d) q*' : '(1 + (m - 1) c*) q*', 1, most),
      lambdaBulk: of('(1 - c*) q*/d', 1, bulk),
      kappa: of('1 + d m c*/(1 - c*)', 1, most / bulk),
      meanPredictor: of('d O(chi_c*^l)', d * chiC ** l),
    },
  };
}

/** The row after a CNN's Dense readout; orders and growths are those before it. */
function readOut(row: PhaseRow, kernel: KernelName, request: AsymptoticsRequest): SpectrumAsymptotics {
  const { weightVariance, biasVariance, trainCount, point } = request;
  const map = (value: number | null, f: (value: number) => number): number | null =>
    value === null ? null : f(value);
  const nngpMax = map(
    row.nngp.lambdaMax.value,
    (value) => weightVariance * value + trainCount * biasVariance,
  );
  const nngpBulk = map(row.nngp.lambdaBulk.value, (value) => weightVariance * value);
  const before = row[kernel];
  const isNngp = kernel === 'nngp';
  const add = (nngp: number | null, ntk: number | null): number | null =>
    isNngp ? nngp : nngp === null || ntk === null ? null : nngp + weightVariance * ntk;
  const lambdaMax = add(nngpMax, row.ntk.lambdaMax.value);
  // At criticality the NNGP's bulk vanishes and the NTK's grows: its leading term stands alone.
  const vanishing = !isNngp && point.phase === 'critical' ? 0 : nngpBulk;
  const lambdaBulk = add(vanishing, row.ntk.lambdaBulk.value);
  const ratio = lambdaMax === null || lambdaBulk === null ? before.kappa.value : lambdaMax / lambdaBulk;
  return {
    lambdaMax: { ...before.lambdaMax, value: lambdaMax },
    lambdaBulk: { ...before.lambdaBulk, value: lambdaBulk },
    kappa: { ...before.kappa, value: ratio },
    meanPredictor: before.meanPredictor,
  };
}
