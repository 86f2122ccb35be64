export { NotPositiveDefiniteError } from './cholesky.js';
export { CoreBudget } from './core-budget.js';
export { type Eigenbasis, type EigenbasisMemory, eigenbasisMemory } from './eigenbasis.js';
export type { Eigendecomposition } from './eigh.js';
export { FairBudget } from './fair-budget.js';
export { type Linalg, type LinalgOptions, openLinalg } from './linalg.js';
export { type GemmRequest, mirrorUpper, type SyrkRequest } from './products.js';
