export * from './heap.js';
export * from './open-service.js';
export * from './run-main.js';
export * from './serve-metrics.js';
export * from './serve-tasks.js';
export * from './stop-once.js';
