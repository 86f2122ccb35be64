import { labelMatrix } from '@tessera/dataset';
import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import {
  addStripScores,
  combineStrips,
  decodeStripScores,
  emptyStripScores,
  encodeStripScores,
  scoreStrip,
  withTestWarnings,
} from '../src/index.js';

const linalg = openLinalg({ threads: 2 });
const classes = 2;
const size = 3;
const testLabels = Int32Array.of(0, 1, 1, 0);
const targets = labelMatrix(testLabels, classes, 'one-hot', testLabels);
const meanTargets = labelMatrix(testLabels, classes, 'centered-over-images', Int32Array.of(0, 0, 1));
const wave = (length: number, step: number) =>
  Float64Array.from({ length }, (_, i) => Math.sin(step * i + 1));
/** Two blocks: the mean predictor and one ridge. */
const strip = {
  predictor: {
    route: 'plain' as const,
    solutions: wave(size * 4, 1.3),
    center: new Float64Array(size),
    meanDeviation: 0,
    slopes: new Float64Array(4),
    constants: new Float64Array(4),
  },
  values: wave(4 * size, 0.7),
  rowDeviations: wave(4, 0.3),
  rows: 4,
  size,
  classes,
  testLabels,
  targets,
  meanTargets,
};

const withSolutions = (solutions: Float64Array) => ({ ...strip.predictor, solutions });

describe('scoreStrip', () => {
  it('predicts by the product and sums scores over rows', async () => {
    const scored = await scoreStrip(linalg, strip);
    let losses = 0;
    let correct = 0;
    let squares = 0;
    for (let row = 0; row < 4; row++) {
      const f = [0, 1, 2, 3].map((column) =>
        [0, 1, 2].reduce(
          (sum, k) =>
            sum + (strip.values[row * size + k] ?? 0) * (strip.predictor.solutions[k * 4 + column] ?? 0),
          0,
        ),
      );
      f.forEach((value, column) => {
        expect(scored.predictions[row * 4 + column]).toBeCloseTo(value, 14);
      });
      const [m0 = 0, m1 = 0, f0 = 0, f1 = 0] = f;
      squares += m0 ** 2 + m1 ** 2;
      losses += ((f0 - (targets[row * 2] ?? 0)) ** 2 + (f1 - (targets[row * 2 + 1] ?? 0)) ** 2) / 2;
      if ((f1 > f0 ? 1 : 0) === testLabels[row]) correct++;
    }
    expect(scored.images).toBe(4);
    expect(scored.correct[1]).toBe(correct);
    expect(scored.lossSum[1]).toBeCloseTo(losses, 13);
    expect(scored.meanPredictorSquares).toBeCloseTo(squares, 13);
    expect(scored.meanTargetSquares).toBeCloseTo(2 * (2 / 9 + 8 / 9), 13);
    expect(scored.finite).toEqual([true, true]);
  });

  it('gives ties to the lowest class', async () => {
    const scored = await scoreStrip(linalg, {
      ...strip,
      predictor: withSolutions(new Float64Array(size * 4)),
    });
    expect(scored.correct).toEqual([2, 2]);
  });

  it('marks only the block whose solutions do not exist', async () => {
    const solutions = strip.predictor.solutions.map((value, i) => (i % 4 < 2 ? Number.NaN : value));
    const scored = await scoreStrip(linalg, { ...strip, predictor: withSolutions(solutions) });
    const whole = await scoreStrip(linalg, strip);
    expect(scored.finite).toEqual([false, true]);
    expect(scored.lossSum[1]).toBe(whole.lossSum[1]);
    const summary = combineStrips([scored]);
    expect(summary.meanPredictorNorm).toBeNull();
    expect(summary.blocks[0]).toEqual({ accuracy: null, loss: null });
    expect(summary.blocks[1]?.loss).toBeCloseTo((whole.lossSum[1] as number) / 4, 15);
  });

  it('marks every block when a row of the kernel overflows', async () => {
    const values = strip.values.map((value, i) => (i === 4 ? Number.POSITIVE_INFINITY : value));
    expect((await scoreStrip(linalg, { ...strip, values })).finite).toEqual([false, false]);
  });

  it('gives the same bits alone and among others', async () => {
    const alone = await scoreStrip(linalg, strip);
    const among = await Promise.all(Array.from({ length: 40 }, () => scoreStrip(linalg, strip)));
    for (const scored of among) expect(scored).toEqual(alone);
  });
});

describe('strip scores', () => {
  it('survive encoding bit for bit, NaN and infinities included', async () => {
    const scored = await scoreStrip(linalg, strip);
    const odd = {
      ...emptyStripScores(2),
      lossSum: [Number.NaN, Number.POSITIVE_INFINITY],
      finite: [false, true],
    };
    const { predictions, ...sums } = scored;
    const bytes = encodeStripScores([sums, odd]);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodeStripScores(shifted, 2)).toEqual([sums, odd]);
  });

  it('refuse bytes that are not whole records', () => {
    const bytes = encodeStripScores([emptyStripScores(2)]);
    for (const length of [0, 8, bytes.length - 1]) {
      expect(() => decodeStripScores(bytes.subarray(0, length), 2)).toThrow('not a multiple');
    }
  });

  it('add up to the whole: parts in order, then strips in order', async () => {
    const rowsFrom = (start: number, end: number) =>
      scoreStrip(linalg, {
        ...strip,
        values: strip.values.subarray(start * size, end * size),
        rowDeviations: strip.rowDeviations.subarray(start, end),
        rows: end - start,
        testLabels: testLabels.subarray(start, end),
        targets: targets.subarray(start * classes, end * classes),
        meanTargets: meanTargets.subarray(start * classes, end * classes),
      });
    const total = emptyStripScores(2);
    addStripScores(total, await rowsFrom(0, 1));
    addStripScores(total, await rowsFrom(1, 3));
    const parts = combineStrips([total, await rowsFrom(3, 4)]);
    const whole = combineStrips([await scoreStrip(linalg, strip)]);
    expect(parts.blocks.map(({ accuracy }) => accuracy)).toEqual(
      whole.blocks.map(({ accuracy }) => accuracy),
    );
    expect(parts.blocks[1]?.loss).toBeCloseTo(whole.blocks[1]?.loss as number, 14);
    expect(parts.meanPredictorNorm).toBeCloseTo(whole.meanPredictorNorm as number, 14);
  });
});

describe('warnings about test scores', () => {
  const scores = { trainAccuracy: 1, testAccuracy: null, trainLoss: 0, testLoss: null };
  const row = {
    regression: [{ diagReg: 0, ...scores }],
    dynamics: [
      { time: 1, ...scores },
      { time: 2, ...scores, testAccuracy: 0.5 },
    ],
    meanPredictorNorm: null,
    warnings: [
      'regression[0].trainAccuracy and regression[0].testAccuracy are null: why.',
      'Of dynamics[*].testLoss.',
    ],
  };

  it('name each null that no warning names yet, once', () => {
    const warnings = withTestWarnings(row);
    expect(warnings.slice(0, 2)).toEqual(row.warnings);
    expect(warnings.slice(2)).toEqual([
      'regression[0].testLoss is null: the predictions on the test images are not finite.',
      'dynamics[0].testAccuracy is null: the predictions on the test images are not finite.',
      expect.stringContaining('meanPredictorNorm is null'),
    ]);
    expect(withTestWarnings({ ...row, warnings })).toEqual(warnings);
  });
});

describe('labelMatrix', () => {
  it('shifts test labels by the training images, as the kind says', () => {
    const labels = Int32Array.of(1);
    const train = Int32Array.of(0, 0, 0, 1);
    expect([...labelMatrix(labels, 2, 'one-hot', train)]).toEqual([0, 1]);
    expect([...labelMatrix(labels, 2, 'centered', train)]).toEqual([-0.5, 0.5]);
    expect([...labelMatrix(labels, 2, 'centered-over-images', train)]).toEqual([-0.75, 0.75]);
  });
});
