import { existsSync } from 'node:fs';
import { inject } from 'vitest';
import type {} from './global-setup.js';
import type { ServiceAnswer, ServiceName } from './service-broker.js';

/** The URL of a service that lives as long as the test run. @throws where it is missing: tests never skip it */
export async function testService(name: ServiceName): Promise<string> {
  const broker = inject('tesseraServices');
  if (broker === undefined)
    throw new Error('Tests that need services run from the root: npx vitest run PATH.');
  const response = await fetch(`${broker}/${name}`);
  const answer = (await response.json()) as ServiceAnswer;
  if ('error' in answer) throw new Error(answer.error);
  return answer.url;
}

/** A Redis to use under a prefix of one's own. */
export function testRedisUrl(): Promise<string> {
  return testService('redis');
}

/** Whether there is what looks like a Docker engine. */
export function mayHaveDocker(): boolean {
  return process.env.DOCKER_HOST !== undefined || existsSync('/var/run/docker.sock');
}
