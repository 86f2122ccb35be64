/** Result rows as CSV (RFC 4180, but lines end in LF alone). */
import type { AnalysisRecord } from '@tessera/database';
import type { ExperimentSpec } from '@tessera/spec';
import { csvLine } from './csv-line.js';

const columns = [
  'kernel',
  'weightVariance',
  'biasVariance',
  'depth',
  'phase',
  'qStar',
  'cStar',
  'chi1',
  'xi1',
  'xiStar',
  'lambdaMax',
  'lambdaMin',
  'lambdaBulk',
  'kappa',
  'conditionNumber',
  'maxLearningRate',
  'trace',
] as const satisfies (keyof AnalysisRecord)[];
const scores = ['trainAccuracy', 'testAccuracy', 'trainLoss', 'testLoss'] as const;
const lastColumns = ['meanPredictorNorm', 'status', 'warnings'] as const;

/**
 * The header line. Scores are named by what they were taken at: `trainAccuracy[diagReg=0.1]`,
 * `testLoss[time=64]`, in the request's order.
 */
export function csvHeader(spec: ExperimentSpec): string {
  const ridges = spec.analysis.regression?.diagReg ?? [];
  const times = spec.analysis.dynamics?.times ?? [];
  return csvLine([
    ...columns,
    ...ridges.flatMap((diagReg) => scores.map((score) => `${score}[diagReg=${diagReg}]`)),
    ...times.flatMap((time) => scores.map((score) => `${score}[time=${time}]`)),
    ...lastColumns,
  ]);
}

/** One row; numbers as JSON writes them, no number as an empty field, warnings joined by "; ". */
export function csvRow(row: AnalysisRecord): string {
  return csvLine([
    ...columns.map((name) => row[name]),
    ...[...row.regression, ...row.dynamics].flatMap((at) => scores.map((score) => at[score])),
    row.meanPredictorNorm,
    row.status,
    row.warnings.join('; '),
  ]);
}
