import { listDevices } from '../src/index.js';

/** Why there is no OpenCL device for the tests, or null where there is one. */
export const deviceMissing: string | null = whyMissing();

function whyMissing(): string | null {
  try {
    return listDevices().length > 0 ? null : 'there is no OpenCL device';
  } catch (error) {
    return (error as Error).message;
  }
}
