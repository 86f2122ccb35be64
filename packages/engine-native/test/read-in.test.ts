import type { ImageBlock } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { openMachine, readIn } from '../src/bench.js';
import { instructionSets } from '../src/index.js';

type Rule = NonNullable<ImageBlock['bytes']>['normalization'];
const shared: Rule = { kind: 'shared', offset: 120.5, factor: 1 / 64 };

/** Images of pseudo-random bytes in pairs that differ in one byte by one. */
function bytesOf(count: number, inputs: number): Uint8Array {
  let state = 7;
  const pixels = new Uint8Array(count * inputs);
  for (let i = 0; i < count; i++) {
    for (let t = 0; t < inputs; t++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      pixels[i * inputs + t] = i % 2 === 1 ? (pixels[(i - 1) * inputs + t] as number) : state >>> 24;
    }
    if (i % 2 === 1) pixels[i * inputs + (i % inputs)] = (pixels[i * inputs + (i % inputs)] as number) ^ 1;
  }
  return pixels;
}

const blockOf = (pixels: Uint8Array, inputs: number, normalization: Rule): ImageBlock => ({
  key: 'bytes',
  count: pixels.length / inputs,
  shape: { inputs },
  get data(): Float64Array {
    throw new Error('Bytes are read in without the numbers made of them.');
  },
  bytes: { pixels, normalization },
});

/** The images themselves, as numbers. */
function numbersOf(pixels: Uint8Array, inputs: number): ImageBlock {
  const { offset, factor } = shared as { offset: number; factor: number };
  const data = Float64Array.from(pixels, (byte) => (byte - offset) * factor);
  return { key: 'numbers', count: pixels.length / inputs, shape: { inputs }, data };
}

function squaredDistance(pixels: Uint8Array, inputs: number, i: number, j: number): number {
  let sum = 0;
  for (let t = 0; t < inputs; t++)
    sum += ((pixels[i * inputs + t] as number) - (pixels[j * inputs + t] as number)) ** 2;
  return sum;
}

/** n S_ab - s_a s_b, exactly. */
function centred(pixels: Uint8Array, inputs: number, i: number, j: number): bigint {
  let product = 0;
  let a = 0;
  let b = 0;
  for (let t = 0; t < inputs; t++) {
    const [x, y] = [pixels[i * inputs + t] as number, pixels[j * inputs + t] as number];
    product += x * y;
    a += x;
    b += y;
  }
  return BigInt(inputs) * BigInt(product) - BigInt(a) * BigInt(b);
}

/** 1 - z_ab / sqrt(z_aa z_bb) to the last digits, by integers scaled up. */
function ownComplement(zaa: bigint, zbb: bigint, zab: bigint): number {
  const digits = 10n ** 40n;
  const root = squareRoot(zaa * zbb * digits * digits);
  return Number(((root - zab * digits) * digits) / root) / 1e40;
}

function squareRoot(n: bigint): bigint {
  let x = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

const sizes: [number, number][] = [
  [6, 1],
  [7, 63],
  [67, 65],
  [9, 3072],
  [3, 70_000],
];

describe.each(instructionSets())('the read-in of bytes on %s', (instructionSet) => {
  const machine = openMachine({ instructionSet });

  it.each(sizes)('of %d images of %d bytes is exact under one normalization', async (count, inputs) => {
    const pixels = bytesOf(count, inputs);
    const { complement, rowVariance } = await readIn(machine, blockOf(pixels, inputs, shared), null);
    const scale = 1 / 64 ** 2 / (2 * inputs);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let t = 0; t < inputs; t++) sum += ((pixels[i * inputs + t] as number) - 120.5) ** 2;
      expect(rowVariance[i]).toBeCloseTo(sum / 64 ** 2 / inputs, 12);
      for (let j = i; j < count; j++) {
        const wanted = squaredDistance(pixels, inputs, i, j) * scale;
        expect(Math.abs((complement[i * count + j] as number) - wanted)).toBeLessThanOrEqual(
          wanted * 2 ** -52,
        );
      }
    }
  });

  it('loses nothing of near duplicates on the sphere, whatever lies between', async () => {
    const [count, inputs] = [8, 3072];
    const pixels = bytesOf(count, inputs);
    const { complement, rowVariance } = await readIn(machine, blockOf(pixels, inputs, { kind: 'own' }), null);
    expect([...rowVariance]).toEqual(new Array(count).fill(1));
    for (let i = 0; i < count; i++) {
      expect(complement[i * count + i]).toBe(0);
      for (let j = i + 1; j < count; j++) {
        const z = [centred(pixels, inputs, i, i), centred(pixels, inputs, j, j)] as const;
        const wanted = ownComplement(...z, centred(pixels, inputs, i, j));
        expect(Math.abs((complement[i * count + j] as number) / wanted - 1)).toBeLessThan(1e-15);
      }
    }
  });

  it('has the bits of the widest instruction set, of one thread and of a rectangular block', async () => {
    const [count, inputs] = [130, 200];
    const pixels = bytesOf(count, inputs);
    for (const rule of [shared, { kind: 'own' } as const]) {
      const rows = blockOf(pixels, inputs, rule);
      const widest = await readIn(openMachine({ threads: 2 }), rows, null);
      const here = await readIn(machine, rows, null);
      const whole = await readIn(machine, rows, rows);
      expect(here.rowVariance).toEqual(widest.rowVariance);
      for (let i = 0; i < count; i++) {
        const upper = (from: Float64Array) => from.subarray(i * count + i, (i + 1) * count);
        expect(upper(here.complement)).toEqual(upper(widest.complement));
        expect(upper(whole.complement)).toEqual(upper(widest.complement));
      }
    }
  });

  it('agrees with the read-in of the same images as numbers, near duplicates too', async () => {
    const [count, inputs] = [40, 300];
    const pixels = bytesOf(count, inputs);
    const exact = await readIn(machine, blockOf(pixels, inputs, shared), null);
    const rounded = await readIn(machine, numbersOf(pixels, inputs), null);
    for (let i = 0; i < count; i++) {
      for (let j = i; j < count; j++) {
        const [a, b] = [
          exact.complement[i * count + j] as number,
          rounded.complement[i * count + j] as number,
        ];
        expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * a);
      }
    }
  });
});
