import type { Database } from './connection.js';
import { rowPage } from './row-page.js';

/** Scores of the predictor at one ridge or one time; null where a number does not exist. */
export interface Scores {
  trainAccuracy: number | null;
  testAccuracy: number | null;
  trainLoss: number | null;
  testLoss: number | null;
}

/** One row of results: the spectrum of one matrix and what it predicts (the REST contract's analysis row). */
export interface AnalysisRecord {
  ordinal: number;
  kernelIndex: number;
  kernel: 'nngp' | 'ntk';
  weightVariance: number;
  biasVariance: number;
  depth: number;
  phase: string;
  qStar: number | null;
  cStar: number | null;
  chi1: number | null;
  xi1: number | null;
  xiStar: number | null;
  lambdaMax: number | null;
  lambdaMin: number | null;
  lambdaBulk: number | null;
  kappa: number | null;
  conditionNumber: number | null;
  maxLearningRate: number | null;
  trace: number | null;
  meanPredictorNorm: number | null;
  regression: (Scores & { diagReg: number })[];
  dynamics: (Scores & { time: number })[];
  status: 'ok' | 'ill-conditioned' | 'overflow' | 'underflow';
  warnings: string[];
}

export interface AnalysisFilter {
  kernel?: string;
  weightVariance?: number;
  biasVariance?: number;
  depth?: number;
}

/**
 * Complete rows in grid order.
 * @param after the ordinal of the last row already seen, or null for the first page
 */
export async function listAnalyses(
  db: Database,
  experimentId: string,
  query: AnalysisFilter & { after: number | null; limit: number },
): Promise<AnalysisRecord[]> {
  const { text, values } = rowPage(experimentId, query);
  return selectAnalyses(db, `complete AND ${text}`, values);
}

/** Every row of one kernel, complete or not, in grid order: what the finish task completes. */
export async function kernelAnalyses(
  db: Database,
  experimentId: string,
  kernelIndex: number,
): Promise<AnalysisRecord[]> {
  const which = 'experiment_id = $1 AND kernel_index = $2 ORDER BY ordinal';
  return selectAnalyses(db, which, [experimentId, kernelIndex]);
}

/** @param which what follows WHERE, its parameters in `values` */
async function selectAnalyses(
  { pool }: Database,
  which: string,
  values: unknown[],
): Promise<AnalysisRecord[]> {
  const fields = columns.map((name) => `${name} AS "${fieldOf(name)}"`);
  const { rows } = await pool.query<AnalysisRecord>(
    `SELECT ${fields.join(', ')} FROM analyses WHERE ${which}`,
    values,
  );
  return rows;
}

const fieldOf = (column: string): string =>
  column.replace(/_(.)/g, (_, first: string) => first.toUpperCase());

/** The columns of an analysis in the order `insertAnalyses` sends them. */
const columns = [
  'ordinal',
  'kernel',
  'weight_variance',
  'bias_variance',
  'depth',
  'kernel_index',
  'phase',
  'q_star',
  'c_star',
  'chi_1',
  'xi_1',
  'xi_star',
  'lambda_max',
  'lambda_min',
  'lambda_bulk',
  'kappa',
  'condition_number',
  'max_learning_rate',
  'trace',
  'mean_predictor_norm',
  'regression',
  'dynamics',
  'status',
  'warnings',
] as const;

/** The statement that writes rows (idempotent: a recomputed analysis replaces its row), and its parameters. */
export function upsertAnalyses(
  experimentId: string,
  rows: readonly AnalysisRecord[],
  complete: boolean,
): { text: string; values: unknown[] } {
  const updates = columns.filter((name) => name !== 'ordinal').map((name) => `${name} = EXCLUDED.${name}`);
  return {
    text: `INSERT INTO analyses (experiment_id, complete, ${columns.join(', ')})
      SELECT $1, $2, ${columns.join(', ')} FROM json_to_recordset($3::json) AS row(
        ordinal int, kernel text, weight_variance float8, bias_variance float8, depth int, kernel_index int, phase text,
        q_star float8, c_star float8, chi_1 float8, xi_1 float8, xi_star float8, lambda_max float8, lambda_min float8,
        lambda_bulk float8, kappa float8, condition_number float8, max_learning_rate float8, trace float8,
        mean_predictor_norm float8, regression json, dynamics json, status text, warnings jsonb)
      ON CONFLICT (experiment_id, ordinal) DO UPDATE SET complete = EXCLUDED.complete, ${updates.join(', ')}`,
    values: [experimentId, complete, JSON.stringify(rows.map(toRow))],
  };
}

function toRow(row: AnalysisRecord): Record<(typeof columns)[number], unknown> {
  return {
    ordinal: row.ordinal,
    kernel: row.kernel,
    weight_variance: row.weightVariance,
    bias_variance: row.biasVariance,
    depth: row.depth,
    kernel_index: row.kernelIndex,
    phase: row.phase,
    q_star: row.qStar,
    c_star: row.cStar,
    chi_1: row.chi1,
    xi_1: row.xi1,
    xi_star: row.xiStar,
    lambda_max: row.lambdaMax,
    lambda_min: row.lambdaMin,
    lambda_bulk: row.lambdaBulk,
    kappa: row.kappa,
    condition_number: row.conditionNumber,
    max_learning_rate: row.maxLearningRate,
    trace: row.trace,
    mean_predictor_norm: row.meanPredictorNorm,
    regression: row.regression,
    dynamics: row.dynamics,
    status: row.status,
    warnings: row.warnings,
  };
}
