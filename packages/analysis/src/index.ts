export { type AnalysisRequest, analyzeMatrix, type SpectrumResult } from './analyze-matrix.js';
export { combineStrips, type StripSummary, withTestWarnings } from './combine-strips.js';
export type { MeanScore } from './score-block.js';
export { type ScoredStrip, type StripRequest, scoreStrip } from './score-strip.js';
export { type SolutionLayout, solutionColumns } from './solution-columns.js';
export type { SpectrumNumbers } from './spectrum-numbers.js';
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
  encodeStripScores,
  type StripScores,
} from './strip-scores.js';
