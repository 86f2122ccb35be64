import type { Activation, Family, KernelName } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import {
  type AsymptoticsRequest,
  asymptotics,
  dual,
  kernelLimits,
  meanField,
  storedKernelLimits,
} from '../src/index.js';

const erf: Activation = { name: 'erf' };
const relu: Activation = { name: 'relu' };
const criticalErf = { weightVariance: 1.7476037497677033, biasVariance: 0.18 };

/** Theta and K of two equal-norm images (c = 1/2 at the start) after `depth` layers at the fixed variance. */
function deepKernels(activation: Activation, weightVariance: number, biasVariance: number, depth: number) {
  const { T, dT } = dual(activation);
  const q = meanField(activation, weightVariance, biasVariance).qStar as number;
  const chi1 = weightVariance * dT(q, q, q);
  let [k, diagonal, offDiagonal] = [q / 2, q, q / 2];
  for (let layer = 0; layer < depth; layer++) {
    const next = weightVariance * T(q, q, k) + biasVariance;
    offDiagonal = next + weightVariance * dT(q, q, k) * offDiagonal;
    diagonal = q + chi1 * diagonal;
    k = next;
  }
  return { k, diagonal, offDiagonal };
}

describe('limits of the entries', () => {
  it.each([
    [1.25, 0.05, 11.2661],
    [1.0, 0.18, 1.8947],
  ])('are p* everywhere in the ordered phase, at (%f, %f)', (weightVariance, biasVariance, pStar) => {
    const { nngp, ntk } = kernelLimits(erf, meanField(erf, weightVariance, biasVariance));
    expect(ntk.diagonal).toBeCloseTo(pStar, 4);
    expect(ntk.offDiagonal).toBe(ntk.diagonal);
    const deep = deepKernels(erf, weightVariance, biasVariance, 1500);
    expect(deep.diagonal).toBeCloseTo(ntk.diagonal as number, 8);
    expect(deep.offDiagonal).toBeCloseTo(ntk.offDiagonal as number, 8);
    expect(deep.k).toBeCloseTo(nngp.offDiagonal as number, 8);
  });

  it.each([
    [1.5, 0.05, 16.2164],
    [2.0, 0.18, 16.9529],
    [2.5, 0.18, 7.9518],
    [3.0, 0.18, 6.0669],
  ])(
    'are q* c* / (1 - chi_c*) off the diagonal in the chaotic phase, at (%f, %f)',
    (weightVariance, biasVariance, limit) => {
      const { nngp, ntk } = kernelLimits(erf, meanField(erf, weightVariance, biasVariance));
      expect(ntk.diagonal).toBeNull();
      expect(ntk.offDiagonal).toBeCloseTo(limit, 4);
      const deep = deepKernels(erf, weightVariance, biasVariance, 1000);
      expect(deep.offDiagonal).toBeCloseTo(ntk.offDiagonal as number, 6);
      expect(deep.k).toBeCloseTo(nngp.offDiagonal as number, 8);
    },
  );

  it('grow by q* a layer at criticality, a third of it off the diagonal for erf, a quarter for relu', () => {
    const depth = 20_000;
    for (const [activation, weightVariance, biasVariance] of [
      [erf, criticalErf.weightVariance, criticalErf.biasVariance],
      [relu, 2, 0],
    ] as const) {
      const point = meanField(activation, weightVariance, biasVariance);
      const { ntk, ntkPerLayer } = kernelLimits(activation, point);
      expect(ntk).toEqual({ diagonal: null, offDiagonal: null });
      const deep = deepKernels(activation, weightVariance, biasVariance, depth);
      expect(deep.diagonal / depth / (ntkPerLayer?.diagonal as number)).toBeCloseTo(1, 3);
      expect(deep.offDiagonal / depth / (ntkPerLayer?.offDiagonal as number)).toBeCloseTo(1, 2);
    }
  });

  it('do not exist without q*', () => {
    const none = { diagonal: null, offDiagonal: null };
    expect(kernelLimits(relu, meanField(relu, 2.5, 0.1))).toEqual({
      nngp: none,
      ntk: none,
      ntkPerLayer: null,
    });
  });

  it('of a stored CNN are those after its readout: .7009 and 2.5955 at (1, .18)', () => {
    const point = meanField(erf, 1, 0.18);
    for (const family of ['cnn-flatten', 'cnn-gap'] as const) {
      const readout = { family, pixels: 1024, weightVariance: 1, biasVariance: 0.18 };
      const { nngp, ntk } = storedKernelLimits(erf, point, readout);
      expect(nngp.offDiagonal).toBeCloseTo(0.7009, 4);
      expect(nngp.diagonal).toBeCloseTo(0.7009, 4);
      expect(ntk.offDiagonal).toBeCloseTo(2.5955, 3);
    }
    const fcn = { family: 'fcn' as const, pixels: 1, weightVariance: 1, biasVariance: 0.18 };
    expect(storedKernelLimits(erf, point, fcn)).toEqual(kernelLimits(erf, point));
  });

  it('of a pooled chaotic CNN mix equal and unequal pixels on the diagonal', () => {
    const point = meanField(erf, 2, 0.18);
    const readout = { family: 'cnn-gap' as const, pixels: 4, weightVariance: 2, biasVariance: 0.18 };
    const { nngp, ntk } = storedKernelLimits(erf, point, readout);
    const [q, c, chiC] = [point.qStar as number, point.cStar as number, point.chiC as number];
    expect(nngp.diagonal).toBeCloseTo(2 * q * (1 / 4 + (3 / 4) * c) + 0.18, 12);
    expect(ntk.diagonal).toBeNull();
    expect(ntk.offDiagonal).toBeCloseTo(2 * ((q * c) / (1 - chiC) + q * c) + 0.18, 12);
  });
});

function request(
  weightVariance: number,
  biasVariance: number,
  parts: Partial<AsymptoticsRequest> & { kernel: KernelName; family: Family },
): AsymptoticsRequest {
  const activation = parts.activation ?? erf;
  return {
    activation,
    point: meanField(activation, weightVariance, biasVariance),
    padding: 'circular',
    trainCount: 64,
    pixels: 16,
    depth: 50,
    weightVariance,
    biasVariance,
    ...parts,
  };
}

describe('Table 1', () => {
  it('ordered: m p* and l chi_1^l for the NTK, m q* and chi_1^l for the NNGP', () => {
    const point = meanField(erf, 1, 0.18);
    const [q, chi1] = [point.qStar as number, point.chi1 as number];
    const ntk = asymptotics(request(1, 0.18, { kernel: 'ntk', family: 'fcn' }));
    expect(ntk?.lambdaMax.value).toBeCloseTo(64 * 1.8947, 2);
    expect(ntk?.lambdaBulk).toMatchObject({ value: null, growth: 50 * chi1 ** 50 });
    expect(ntk?.kappa.value).toBeNull();
    const nngp = asymptotics(request(1, 0.18, { kernel: 'nngp', family: 'fcn' }));
    expect(nngp?.lambdaMax.value).toBeCloseTo(64 * q, 12);
    expect(nngp?.lambdaBulk.growth).toBe(chi1 ** 50);
  });

  it('critical: eigenvalues of the matrix with l q* on and a third of it off the diagonal', () => {
    const { weightVariance, biasVariance } = criticalErf;
    const parts = { kernel: 'ntk' as const, family: 'fcn' as const };
    const q = meanField(erf, weightVariance, biasVariance).qStar as number;
    const row = asymptotics(request(weightVariance, biasVariance, parts));
    expect(row?.lambdaMax.value).toBeCloseTo(((64 + 2) / 3) * 50 * q, 8);
    expect(row?.lambdaBulk.value).toBeCloseTo((2 / 3) * 50 * q, 8);
    expect(row?.kappa.value).toBeCloseTo((64 + 2) / 2, 8);
    expect(row?.meanPredictor.growth).toBe(1 / 50);
  });

  it('critical: (m d + 2)/2 for a pooled CNN, (m + 3)/3 for relu', () => {
    const { weightVariance, biasVariance } = criticalErf;
    const pooled = asymptotics(
      request(weightVariance, biasVariance, { kernel: 'ntk', family: 'cnn-gap', depth: 1e9 }),
    );
    expect(pooled?.kappa.value).toBeCloseTo((64 * 16 + 2) / 2, 3);
    const kinked = asymptotics(request(2, 0, { kernel: 'ntk', family: 'fcn', activation: relu }));
    expect(kinked?.kappa.value).toBeCloseTo((64 + 3) / 3, 10);
  });

  it('chaotic: the NNGP has the eigenvalues of q* on and q* c* off the diagonal, the NTK grows like chi_1^l', () => {
    const point = meanField(erf, 2.5, 0.18);
    const [q, c, chi1] = [point.qStar as number, point.cStar as number, point.chi1 as number];
    const nngp = asymptotics(request(2.5, 0.18, { kernel: 'nngp', family: 'fcn' }));
    expect(nngp?.lambdaMax.value).toBeCloseTo((1 + 63 * c) * q, 10);
    expect(nngp?.lambdaBulk.value).toBeCloseTo((1 - c) * q, 12);
    expect(nngp?.kappa.value).toBeCloseTo(1 + (64 * c) / (1 - c), 10);
    const ntk = asymptotics(request(2.5, 0.18, { kernel: 'ntk', family: 'fcn' }));
    expect(ntk?.lambdaMax).toMatchObject({ value: null, growth: chi1 ** 50 });
    expect(ntk?.kappa.value).toBe(1);
  });

  it('a pooled chaotic NNGP agrees with the limits of its entries, before and after the readout', () => {
    const point = meanField(erf, 2.5, 0.18);
    const readout = { family: 'cnn-gap' as const, pixels: 16, weightVariance: 2.5, biasVariance: 0.18 };
    const { nngp } = storedKernelLimits(erf, point, readout);
    const [diagonal, offDiagonal] = [nngp.diagonal as number, nngp.offDiagonal as number];
    const row = asymptotics(request(2.5, 0.18, { kernel: 'nngp', family: 'cnn-gap' }));
    expect(row?.lambdaMax.value).toBeCloseTo(diagonal + 63 * offDiagonal, 9);
    expect(row?.lambdaBulk.value).toBeCloseTo(diagonal - offDiagonal, 12);
    expect(row?.kappa.value).toBeCloseTo((diagonal + 63 * offDiagonal) / (diagonal - offDiagonal), 8);
  });

  it('marks zero padding as an approximation', () => {
    const row = asymptotics(request(2.5, 0.18, { kernel: 'ntk', family: 'cnn-flatten', padding: 'same' }));
    expect(row?.notes).toHaveLength(1);
    expect(asymptotics(request(2.5, 0.18, { kernel: 'ntk', family: 'cnn-flatten' }))?.notes).toEqual([]);
  });

  it('has no row without q*, nor where every correlation is fixed', () => {
    expect(asymptotics(request(2.5, 0.1, { kernel: 'ntk', family: 'fcn', activation: relu }))).toBeNull();
    expect(
      asymptotics(request(1, 0, { kernel: 'ntk', family: 'fcn', activation: { name: 'identity' } })),
    ).toBeNull();
  });
});
