/**
 * The gradients of TensorFlow.js' operations. tfjs-core's own bundle for Node registers none of them; that of tfjs-layers registers all
 * when it is imported, and nothing else of it is used.
 */
import '@tensorflow/tfjs-layers';

export { grads } from '@tensorflow/tfjs-core';
