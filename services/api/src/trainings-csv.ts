/** Trained networks as CSV (RFC 4180, but lines end in LF alone): a line for every score on the way. */
import type { TrainingRecord } from '@tessera/database';
import { csvLine } from './csv-line.js';

const columns = [
  'weightVariance',
  'biasVariance',
  'depth',
  'seed',
  'width',
  'images',
  'testImages',
  'batch',
  'learningRate',
  'maxLearningRate',
] as const satisfies (keyof TrainingRecord)[];
const scores = ['step', 'time', 'trainAccuracy', 'testAccuracy', 'trainLoss', 'testLoss'] as const;
const lastColumns = ['diverged', 'backend', 'version'] as const satisfies (keyof TrainingRecord)[];

export const trainingsHeader = (): string => csvLine([...columns, ...scores, ...lastColumns, 'warnings']);

/** The lines of one network, steps in ascending order. */
export const trainingsLines = (row: TrainingRecord): string =>
  row.scores
    .map((score) =>
      csvLine([
        ...columns.map((name) => row[name]),
        ...scores.map((name) => score[name]),
        ...lastColumns.map((name) => row[name]),
        row.warnings.join('; '),
      ]),
    )
    .join('');
