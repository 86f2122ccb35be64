import { listTrainings, type TrainingRecord } from '@tessera/database';
import { specLimits, type TrainingRow } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { integerParameter, numberParameter } from '../query.js';
import { trainingsHeader, trainingsLines } from '../trainings-csv.js';
import { resultRowRoutes } from './result-rows.js';

/** Trained networks as JSON pages and as CSV. */
export async function trainingRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  resultRowRoutes(app, context, {
    name: 'trainings',
    summary: 'Networks of finite width in grid order, each as soon as it is trained',
    item: 'TrainingRow',
    filter: {
      weightVariance: numberParameter('Only this value of the grid, exactly.'),
      biasVariance: numberParameter('Only this value of the grid, exactly.'),
      depth: integerParameter(0, specLimits.depth, 'Only this depth.'),
      seed: integerParameter(0, specLimits.trainingSeeds, 'Only this seed.'),
    },
    list: ({ db }, id, query) => listTrainings(db, id, query),
    present: presentTraining,
    csv: {
      summary: 'Networks of finite width as CSV',
      description:
        'A line for every score that was taken of a network on its way. No number is an empty field.',
      header: trainingsHeader,
      lines: trainingsLines,
    },
  });
}

/** Without its place in the list. */
function presentTraining({ ordinal: _, kernelIndex: __, ...row }: TrainingRecord): TrainingRow {
  return row;
}
