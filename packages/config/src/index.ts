export { ConfigError } from './config-error.js';
export * from './settings.js';
export * from './variables.js';
