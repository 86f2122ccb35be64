import type { TestProject } from 'vitest/node';
import { startServiceBroker } from './service-broker.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where tests ask for services. */
    tesseraServices: string;
  }
}

/** vitest's global setup: services that tests ask for live as long as the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startServiceBroker();
  project.provide('tesseraServices', broker.url);
  return () => broker.close();
}
