export * from './engine.js';
export { type Dual, dualOf } from './oracle/dual.js';
export { oracleEngine } from './oracle/oracle-engine.js';
