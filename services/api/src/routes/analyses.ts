import { type AnalysisRecord, listAnalyses } from '@tessera/database';
import { type AnalysisRow, specLimits } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import { csvHeader, csvRow } from '../analyses-csv.js';
import type { AppContext } from '../app-context.js';
import { choiceParameter, integerParameter, numberParameter } from '../query.js';
import { resultRowRoutes } from './result-rows.js';

/** Result rows as JSON pages and as CSV. */
export async function analysisRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  resultRowRoutes(app, context, {
    name: 'analyses',
    summary: 'Result rows in grid order, each as soon as it is complete',
    item: 'AnalysisRow',
    filter: {
      kernel: choiceParameter(['nngp', 'ntk'], 'Only this kernel.'),
      weightVariance: numberParameter('Only this value of the grid, exactly.'),
      biasVariance: numberParameter('Only this value of the grid, exactly.'),
      depth: integerParameter(0, specLimits.depth, 'Only this depth.'),
    },
    list: ({ db }, id, query) => listAnalyses(db, id, query),
    present: presentAnalysis,
    csv: {
      summary: 'Result rows as CSV',
      description:
        'The same rows and numbers; one column for each score at each ridge and each time. No number is an empty field.',
      header: csvHeader,
      lines: csvRow,
    },
  });
}

/** The fields of the contract, in its order. */
function presentAnalysis(row: AnalysisRecord): AnalysisRow {
  return {
    kernel: row.kernel,
    weightVariance: row.weightVariance,
    biasVariance: row.biasVariance,
    depth: row.depth,
    phase: row.phase as AnalysisRow['phase'],
    qStar: row.qStar,
    cStar: row.cStar,
    chi1: row.chi1,
    xi1: row.xi1,
    xiStar: row.xiStar,
    lambdaMax: row.lambdaMax,
    lambdaMin: row.lambdaMin,
    lambdaBulk: row.lambdaBulk,
    kappa: row.kappa,
    conditionNumber: row.conditionNumber,
    maxLearningRate: row.maxLearningRate,
    trace: row.trace,
    regression: row.regression,
    dynamics: row.dynamics,
    meanPredictorNorm: row.meanPredictorNorm,
    status: row.status,
    warnings: row.warnings,
  };
}
