export { ConfigError } from './config-error.js';
export { parseRedis, type RedisLocation } from './redis-location.js';
export * from './settings.js';
export type { StoreLocation } from './store-location.js';
export * from './variables.js';
