export { buildApp } from './app.js';
export type { AppContext } from './app-context.js';
