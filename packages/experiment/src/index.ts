export * from './analysis-piece.js';
export * from './damage.js';
export * from './opened-experiment.js';
