export { instructionSets, type NativeEngineOptions, openNativeEngine } from './native-engine.js';
