/** Where the services of tests run: processes of this machine, or containers. The tests are the same. */
import { loadSettings } from '@tessera/config';
import type { GenericContainer } from 'testcontainers';
import { findOnPath } from './find-on-path.js';

/** Longer than a pull of a small image, shorter than anybody's patience with a registry that does not answer. */
const containerTimeoutMs = 120_000;

export type ServicePlace = { kind: 'process'; program: string } | { kind: 'container' };

/**
 * Containers where TESSERA_TEST_CONTAINERS asks for them (`npm run test:containers`), else the program where there is one,
 * else containers where a Docker engine answers.
 * @param program a name on PATH, or a file; null: this machine has none
 */
export async function whereToRun(program: string | null): Promise<ServicePlace> {
  const asked = loadSettings(process.env).settings.testContainers;
  const file = program?.includes('/') ? program : program && findOnPath(program);
  if (!asked && file) return { kind: 'process', program: file };
  if (await dockerAnswers()) return { kind: 'container' };
  throw new Error(
    asked
      ? 'TESSERA_TEST_CONTAINERS asks for containers, and no Docker engine answers.'
      : `There is no ${program ?? 'program'} on PATH, and no Docker engine answers.`,
  );
}

/** Whether a Docker engine answers. */
export async function dockerAnswers(): Promise<boolean> {
  // Half a second to import: only where it is asked for.
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** Starts a container; gives what stops it, by force after `graceSeconds`. */
export async function startContainer(
  image: string,
  prepare: (container: GenericContainer) => GenericContainer,
): Promise<(graceSeconds?: number) => Promise<void>> {
  const { GenericContainer } = await import('testcontainers');
  const container = await prepare(new GenericContainer(image).withStartupTimeout(containerTimeoutMs)).start();
  return async (graceSeconds = 10) => void (await container.stop({ timeout: 1000 * graceSeconds }));
}
