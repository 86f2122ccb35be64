export * from './job-queue.js';
export * from './open-queue.js';
