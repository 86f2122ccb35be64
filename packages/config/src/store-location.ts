import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from './config-error.js';
import type { Environment } from './settings.js';

/** Where the tile store is. */
export type StoreLocation =
  | { readonly kind: 'folder'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Without '/' at its ends; '' for the whole bucket. */
      readonly prefix: string;
      /** Null: Amazon's of the region. */
      readonly endpoint: string | null;
      /** Null: what the AWS SDK finds (AWS_REGION, shared files). */
      readonly region: string | null;
      /** `endpoint/bucket/key`, not `bucket.endpoint/key`. */
      readonly pathStyle: boolean;
    };

/**
 * A folder, `file:///folder`, or `s3://bucket` with a prefix or without.
 * @param env for the endpoint and the region, which have their standard variables
 * @param pathStyle null: path style where an endpoint is given
 */
export function parseStore(
  text: string,
  workingDir: string,
  env: Environment,
  pathStyle: boolean | null,
): StoreLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'folder', folder: resolve(workingDir, text) };
  if (scheme === 'file') return { kind: 'folder', folder: folderOfUrl(text) };
  const [, bucket = '', path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(\/.*)?$/.exec(text) ?? [];
  const prefix = path.replace(/^\/|\/$/g, '');
  const isPlain =
    prefix === '' || prefix.split('/').every((part) => /^[\w.=-]+$/.test(part) && !/^\.+$/.test(part));
  if (bucket === '' || !isPlain)
    throw new ConfigError(
      `=${text}: must be a folder, file:///folder, or s3://bucket/prefix, the prefix of letters, digits, '-', '_', '.' and '='.`,
    );
  const endpoint = firstOf(env, 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL');
  const region = firstOf(env, 'AWS_REGION', 'AWS_DEFAULT_REGION');
  return {
    kind: 's3',
    bucket,
    prefix,
    endpoint,
    // Servers that are not Amazon's have one region, whatever it is called; requests must be signed for some.
    region: region ?? (endpoint === null ? null : 'us-east-1'),
    pathStyle: pathStyle ?? endpoint !== null,
  };
}

function folderOfUrl(text: string): string {
  try {
    return fileURLToPath(text);
  } catch {
    throw new ConfigError(`=${text}: must be file:///folder, with three slashes and no host.`);
  }
}

function firstOf(env: Environment, ...names: string[]): string | null {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value) return value;
  }
  return null;
}
