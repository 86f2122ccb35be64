export { type AnalysisRequest, analyzeMatrix } from './analyze-matrix.js';
export { analyzeOperator, type OperatorRequest } from './analyze-operator.js';
export type { BlockProduct } from './block-lanczos.js';
export { combineStrips, type StripSummary, withTestWarnings } from './combine-strips.js';
export {
  type ContractionRequest,
  contractStrip,
  type PackedPredictors,
  packPredictors,
} from './contract-strip.js';
export { analysisFingerprint } from './native-loops.js';
export type { KernelOperator } from './operator-form.js';
export type { MeanScore } from './score-block.js';
export { type ScoredStrip, type StripRequest, scoreStrip } from './score-strip.js';
export { type SolutionLayout, solutionColumns } from './solution-columns.js';
export type { SpectrumNumbers } from './spectrum-numbers.js';
export type { AnalysisQuestion, SpectrumResult } from './spectrum-result.js';
export {
  decodePredictor,
  encodePredictor,
  predictorLength,
  type StripPredictor,
} from './strip-predictor.js';
export {
  addStripScores,
  decodeStripScores,
  emptyStripScores,
  encodeStripRecords,
  encodeStripScores,
  type StripScores,
  stripRecords,
} from './strip-scores.js';
