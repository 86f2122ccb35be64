export { type DeviceInfo, findsCard, listDevices } from './devices.js';
export { type OpenclEngineOptions, openOpenclEngine } from './opencl-engine.js';
export type { Shapes } from './shapes.js';
