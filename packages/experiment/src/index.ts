export * from './opened-experiment.js';
export * from './rejections.js';
