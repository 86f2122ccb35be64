export * from './abilities.js';
export * from './engine.js';
export {
  cutGolden,
  type Golden,
  type GoldenComplement,
  type GoldenMatrix,
  loadGoldens,
  ownGoldensDir,
} from './goldens/load-goldens.js';
export { type Dual, dualOf, type Moments, type Pair, type PairMoments } from './oracle/dual.js';
export { oracleEngine } from './oracle/oracle-engine.js';
