/** What the entries of deep kernels tend to (the large-depth limits of K and Theta). */
import type { Activation, Family } from '@tessera/spec';
import { dual as dualOf } from './duals/for-activation.js';
import type { MeanField } from './mean-field.js';

/** One entry on and one off the diagonal; null where it grows without bound or is not known. */
export interface EntryLimits {
  diagonal: number | null;
  offDiagonal: number | null;
}

export interface KernelLimits {
  nngp: EntryLimits;
  ntk: EntryLimits;
  /** Critical phase only: the slope of Theta with depth, Theta_aa ~ l q*, Theta_ab ~ l q* / 3 (a kink in phi: /4). */
  ntkPerLayer: EntryLimits | null;
}

const unknown: EntryLimits = { diagonal: null, offDiagonal: null };

/** Share of Theta_aa that Theta_ab has at criticality: 1/3 for smooth phi, 1/4 where phi has a kink. */
export function criticalShare(activation: Activation): number {
  return dualOf(activation).isSmooth ? 1 / 3 : 1 / 4;
}

/**
 * Limits of the kernels *before* a readout: ordered Theta -> p* = q* / (1 - chi_1) everywhere; chaotic
 * Theta_aa ~ chi_1^l and Theta_ab -> q* c* / (1 - chi_c*); critical see `ntkPerLayer`. All null in the phases without q*.
 */
export function kernelLimits(activation: Activation, point: MeanField): KernelLimits {
  const { phase, qStar, cStar, chi1, chiC } = point;
  if (qStar === null || cStar === null || chi1 === null || chiC === null) {
    return { nngp: unknown, ntk: unknown, ntkPerLayer: null };
  }
  const nngp = { diagonal: qStar, offDiagonal: cStar * qStar };
  if (phase === 'critical') {
    const offDiagonal = cStar > 0.5 ? criticalShare(activation) * qStar : null;
    return { nngp, ntk: unknown, ntkPerLayer: { diagonal: qStar, offDiagonal } };
  }
  if (phase === 'ordered') {
    const pStar = qStar / (1 - chi1);
    return { nngp, ntk: { diagonal: pStar, offDiagonal: pStar }, ntkPerLayer: null };
  }
  return { nngp, ntk: { diagonal: null, offDiagonal: (qStar * cStar) / (1 - chiC) }, ntkPerLayer: null };
}

/**
 * Limits of the *stored* kernels. An FCN is stored as it is. A CNN is read out by a Dense layer after its pixels are
 * averaged: K_out = sw2 M_K + sb2, Theta_out = K_out + sw2 M_Theta. Spatial means of a limit are the limit, except on
 * the diagonal of a pooled CNN, where equal and unequal pixels mix: (1/d) diagonal + (1 - 1/d) offDiagonal.
 *
 * @param pixels d = height x width; used by `cnn-gap` only
 */
export function storedKernelLimits(
  activation: Activation,
  point: MeanField,
  readout: { family: Family; pixels: number; weightVariance: number; biasVariance: number },
): KernelLimits {
  const limits = kernelLimits(activation, point);
  const { family, pixels, weightVariance, biasVariance } = readout;
  if (family === 'fcn') return limits;
  const pooled = (entries: EntryLimits): EntryLimits => {
    if (family === 'cnn-flatten') return entries;
    const { diagonal, offDiagonal } = entries;
    if (diagonal === null || offDiagonal === null) return entries;
    return { diagonal: diagonal / pixels + (1 - 1 / pixels) * offDiagonal, offDiagonal };
  };
  const each = (entries: EntryLimits, f: (entry: number) => number): EntryLimits => ({
    diagonal: entries.diagonal === null ? null : f(entries.diagonal),
    offDiagonal: entries.offDiagonal === null ? null : f(entries.offDiagonal),
  });
  const sum = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? null : a + b;
  const nngp = each(pooled(limits.nngp), (entry) => weightVariance * entry + biasVariance);
  const theta = each(pooled(limits.ntk), (entry) => weightVariance * entry);
  return {
    nngp,
    ntk: {
      diagonal: sum(nngp.diagonal, theta.diagonal),
      offDiagonal: sum(nngp.offDiagonal, theta.offDiagonal),
    },
    ntkPerLayer:
      limits.ntkPerLayer === null
        ? null
        : each(pooled(limits.ntkPerLayer), (entry) => weightVariance * entry),
  };
}
