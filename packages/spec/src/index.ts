export * from './activation.js';
export * from './axis.js';
export * from './dataset-facts.js';
export * from './errors.js';
export * from './experiment-spec.js';
export * from './limits.js';
export * from './rest.js';
export * from './state.js';
