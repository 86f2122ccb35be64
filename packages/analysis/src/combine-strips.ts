import type { AnalysisRow } from '@tessera/spec';
import { entryNames, nullWarning } from './null-warning.js';
import { type MeanScore, meanScore } from './score-block.js';
import { addStripScores, emptyStripScores, type StripScores } from './strip-scores.js';

/** Scores over all test images. */
export interface StripSummary {
  /** Of each block of `solutionColumns`. */
  blocks: MeanScore[];
  /** ||P(Theta) Y||_F / ||Y_test||_F, or null where it does not exist. */
  meanPredictorNorm: number | null;
}

/** Sums the scores of one analysis over its strips. @param partials in index order: the sums depend on it */
export function combineStrips(partials: readonly StripScores[]): StripSummary {
  const total = emptyStripScores(partials[0]?.correct.length ?? 0);
  for (const part of partials) addStripScores(total, part);
  const { images, correct, lossSum, finite, meanPredictorSquares, meanTargetSquares } = total;
  const norm = Math.sqrt(meanPredictorSquares) / Math.sqrt(meanTargetSquares);
  return {
    blocks: correct.map((count, block) =>
      meanScore(
        { correct: count, lossSum: lossSum[block] as number, finite: finite[block] as boolean },
        images,
      ),
    ),
    meanPredictorNorm: finite[0] && Number.isFinite(norm) ? norm : null,
  };
}

/**
 * The warnings of a row whose test scores are filled in: those it has, and one for each null of a test score that
 * none of them explains. Asked twice, it gives the same.
 */
export function withTestWarnings(
  row: Pick<AnalysisRow, 'regression' | 'dynamics' | 'meanPredictorNorm' | 'warnings'>,
): string[] {
  const warnings = [...row.warnings];
  const explain = (names: string[], reason: string) => {
    const missing = names.filter((name) => !warnings.some((warning) => isNamed(warning, name)));
    if (missing.length > 0) warnings.push(nullWarning(missing, reason));
  };
  const notFinite = 'the predictions on the test images are not finite';
  for (const group of ['regression', 'dynamics'] as const) {
    row[group].forEach(({ testAccuracy, testLoss }, i) => {
      const names: string[] = [];
      if (testAccuracy === null) names.push('testAccuracy');
      if (testLoss === null) names.push('testLoss');
      explain(entryNames(group, i, names), notFinite);
    });
  }
  if (row.meanPredictorNorm === null) {
    explain(['meanPredictorNorm'], `${notFinite} or their centred labels are all zero`);
  }
  return warnings;
}

/** A warning may name one entry (`dynamics[2].testLoss`) or all of them (`dynamics[*].testLoss`). */
function isNamed(warning: string, name: string): boolean {
  return warning.includes(name) || warning.includes(name.replace(/\[\d+\]/, '[*]'));
}
