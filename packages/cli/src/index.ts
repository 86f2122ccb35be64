export { type ExitCode, exitCodes } from './exit-code.js';
export * from './format.js';
export { type HeatmapOptions, renderHeatmap } from './heatmap.js';
export { type ColorDepth, colorDepthOf, type OutputStream } from './paint.js';
export { ProgressLines } from './progress-lines.js';
export { renderResultTable } from './result-table.js';
export { runCli } from './run-cli.js';
export { Session, type Streams } from './session.js';
