export { kernels } from './algebra.js';
export { type Backend, type BackendName, backendNames, findsCard, openBackend } from './backends.js';
export { openTfjsEngine, type TfjsEngineOptions } from './tfjs-engine.js';
