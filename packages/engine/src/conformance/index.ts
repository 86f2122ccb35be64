/** `@tessera/engine/conformance`: the tests every engine passes. It needs vitest; the rest of the package does not. */
export type { GoldenCut } from './golden-tests.js';
export { type ConformanceOptions, conformanceSuite } from './suite.js';
export { complementError, elementwiseError, relativeError, toleranceOf, tolerances } from './tolerances.js';
