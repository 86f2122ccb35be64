import { randomBytes } from 'node:crypto';
import type { StoreLocation } from '@tessera/config';
import { testPython } from './test-python.js';
import { mayHaveDocker, testService } from './test-services.js';

/** A bucket of its own on the test run's S3 server. */
export interface TestBucket {
  endpoint: string;
  bucket: string;
  /** What a process needs to open `prefix` of it. */
  env: Record<string, string>;
  location: Extract<StoreLocation, { kind: 's3' }>;
}

/** Any pair: servers of tests let everybody in. */
const credentials = { AWS_ACCESS_KEY_ID: 'tessera-test', AWS_SECRET_ACCESS_KEY: 'tessera-test-secret' };

/**
 * Whether there can be an S3 server: a given one, SeaweedFS in Docker, or moto of the tests' Python.
 * @throws in CI, where a missing service is a failure
 */
export function canHaveS3(): boolean {
  return mayHaveDocker() || testPython() !== null;
}

/** Makes a bucket, and lets this process's clients in. @param endpoint where the server is reached, if not directly */
export async function testBucket(endpoint?: string): Promise<TestBucket> {
  const server = await testService('s3');
  const bucket = `tessera-${randomBytes(6).toString('hex')}`;
  const answer = await fetch(`${server}/${bucket}`, { method: 'PUT' });
  if (!answer.ok) throw new Error(`The S3 server made no bucket: ${answer.status} ${await answer.text()}`);
  Object.assign(process.env, credentials);
  const location = {
    kind: 's3',
    bucket,
    prefix: 'a/store',
    endpoint: endpoint ?? server,
    region: 'us-east-1',
    pathStyle: true,
  } as const;
  return {
    endpoint: location.endpoint,
    bucket,
    location,
    env: {
      ...credentials,
      AWS_ENDPOINT_URL_S3: location.endpoint,
      AWS_REGION: location.region,
      TESSERA_STORE: `s3://${bucket}/${location.prefix}`,
    },
  };
}

/** Where the test run's S3 server is. */
export function testS3Url(): Promise<string> {
  return testService('s3');
}
