import { randomBytes } from 'node:crypto';
import { startMoto } from './start-services.js';
import { testPython } from './test-python.js';
import type { TestBucket } from './test-s3.js';

/** A bucket on an S3 server of its own that checks who asks and what they may, as AWS does. */
export interface GuardedBucket extends TestBucket {
  /** From now on the bucket's user may do what this policy says (BUCKET and PREFIX in it are filled in), and nothing else. */
  allow(policy: string): Promise<void>;
  stop(): Promise<void>;
}

/** Whether there can be one: moto can check rights, SeaweedFS knows no policies. */
export const canGuardS3 = (): boolean => testPython() !== null;

/** Starts the server and makes the bucket and a user, who may do nothing yet; this process's clients are that user. */
export async function startGuardedS3(): Promise<GuardedBucket> {
  const { url, stop } = await startMoto(testPython() as string);
  try {
    const bucket = `tessera-${randomBytes(6).toString('hex')}`;
    const user = 'tessera';
    /** A call of IAM's API; moto knows the service by the header. */
    const iam = async (fields: Record<string, string>) => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          authorization:
            'AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/iam/aws4_request, Signature=none',
        },
        body: new URLSearchParams({ Version: '2010-05-08', ...fields }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${fields.Action}: ${answer.status} ${text}`);
      return text;
    };
    /** How many more calls are let in unasked. */
    const letIn = (calls: number) =>
      fetch(`${url}/moto-api/reset-auth`, { method: 'POST', body: String(calls) });
    await fetch(`${url}/${bucket}`, { method: 'PUT' });
    await iam({ Action: 'CreateUser', UserName: user });
    const made = await iam({ Action: 'CreateAccessKey', UserName: user });
    const field = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(made)?.[1] as string;
    const credentials = {
      AWS_ACCESS_KEY_ID: field('AccessKeyId'),
      AWS_SECRET_ACCESS_KEY: field('SecretAccessKey'),
    };
    Object.assign(process.env, credentials);
    await letIn(0);
    const location = {
      kind: 's3',
      bucket,
      prefix: 'a/store',
      endpoint: url,
      region: 'us-east-1',
      pathStyle: true,
    } as const;
    return {
      endpoint: url,
      bucket,
      location,
      env: {
        ...credentials,
        AWS_ENDPOINT_URL_S3: url,
        AWS_REGION: location.region,
        TESSERA_STORE: `s3://${bucket}/${location.prefix}`,
      },
      async allow(policy) {
        await letIn(1);
        const PolicyDocument = asMotoJudges(policy)
          .replaceAll('BUCKET', bucket)
          .replaceAll('PREFIX', location.prefix);
        await iam({ Action: 'PutUserPolicy', UserName: user, PolicyName: 'tessera', PolicyDocument });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** moto judges a deletion of many keys by the bucket it is sent to; AWS judges each key. */
function asMotoJudges(policy: string): string {
  if (!policy.includes('s3:DeleteObject')) return policy;
  const { Statement, ...rest } = JSON.parse(policy);
  const many = { Effect: 'Allow', Action: ['s3:DeleteObject'], Resource: 'arn:aws:s3:::BUCKET' };
  return JSON.stringify({ ...rest, Statement: [...Statement, many] });
}
