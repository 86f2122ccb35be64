export { createLogger, type Logger, type LoggerOptions } from './logger.js';
export { type LoopDelay, watchLoopDelay } from './loop-delay.js';
export { createMetrics, type DatabaseMetrics, type Metrics } from './metrics.js';
export { currentTraceParent, startTracing, type Tracing, traced } from './tracing.js';
