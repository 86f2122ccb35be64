export * from './engine.js';
export {
  cutGolden,
  type Golden,
  type GoldenMatrix,
  loadGoldens,
  ownGoldensDir,
} from './goldens/load-goldens.js';
export { type Dual, dualOf } from './oracle/dual.js';
export { oracleEngine } from './oracle/oracle-engine.js';
