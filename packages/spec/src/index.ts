export * from './errors.js';
export * from './experiment-spec.js';
export * from './state.js';
