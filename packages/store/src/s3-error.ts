/** The one place where what an S3 client throws becomes an error of this project. */
import { TesseraError } from '@tessera/spec';

/** What the client's errors have; those of the network have no status. */
interface S3Failure extends Error {
  $metadata?: { httpStatusCode?: number };
  code?: string;
}

/** The HTTP status of an answer that was an error, null where there was no answer. */
export function s3Status(error: unknown): number | null {
  const failure = error as S3Failure;
  return failure instanceof Error ? (failure.$metadata?.httpStatusCode ?? null) : null;
}

/** Codes of Node's network, and names of the client's own errors, that say "no answer". */
const networkCodes =
  /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_STREAM_PREMATURE_CLOSE|ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;
const networkNames = new Set([
  'TimeoutError',
  'AbortError',
  'CredentialsProviderError',
  'TokenProviderError',
]);

/** No answer came, or it broke off. */
export function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof Error) || s3Status(error) !== null) return false;
  const { code, name, message } = error as S3Failure;
  return networkCodes.test(code ?? '') || networkNames.has(name) || message === 'aborted';
}

const reasons: Record<string, string> = {
  NoSuchBucket: 'there is no such bucket',
  AccessDenied: 'access is denied (docs/storage.md lists the rights that are needed)',
  InvalidAccessKeyId: 'the access key is not known there',
  SignatureDoesNotMatch: 'the secret key is wrong',
  ExpiredToken: 'the credentials have expired',
  SlowDown: 'it asks for fewer requests',
  QuotaExceeded: 'its quota is used up',
};

/** What to throw for a failed operation on `key`: `not-found`, `corrupt-chunk`, `unavailable`, or the error itself. */
export function s3Error(
  action: 'read' | 'write' | 'delete',
  key: string,
  place: string,
  error: unknown,
): unknown {
  if (error instanceof TesseraError) return error;
  const status = s3Status(error);
  const { name, message, code } = error as S3Failure;
  if (status === 404 && action === 'read' && name !== 'NoSuchBucket')
    return new TesseraError('not-found', `Nothing is stored under ${key}.`, { cause: error });
  if (status === 412)
    return new TesseraError('corrupt-chunk', `${key} was replaced meanwhile.`, { cause: error });
  if (status === 416)
    return new TesseraError('corrupt-chunk', `${key} ends before the bytes asked for.`, { cause: error });
  if (status === null && !isNetworkFailure(error)) return error;
  // A HEAD's answer has no body, and so no name.
  const known = reasons[name] ?? (status === 403 ? reasons.AccessDenied : undefined);
  const reason = known ?? (status === null ? (code ?? message) : `it answers ${status} ${name}`);
  return new TesseraError('unavailable', `Cannot ${action} ${key} in ${place}: ${reason}.`, { cause: error });
}
