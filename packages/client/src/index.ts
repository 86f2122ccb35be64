export { ConnectionError } from './connection-error.js';
export * from './tessera-client.js';
export type { WatchOptions } from './watch.js';
