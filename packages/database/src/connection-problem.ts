/** What each refusal of TLS asks for. Codes of OpenSSL and Node; Postgres says the last in words alone. */
const fixes: readonly [RegExp, string][] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_SIGNATURE_FAILURE)$/,
    'Name the certificate of the authority that vouches for the server: ?sslmode=verify-full&sslrootcert=/path/ca.pem.',
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'Write the host name that is in the certificate of the server.'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'Renew the certificate of the server, and check the clocks.'],
  [/^ENOENT$|^EACCES$/, 'Write sslrootcert=FILE with a file that this process may read.'],
  [/no encryption/, 'The server wants TLS: add ?sslmode=verify-full&sslrootcert=/path/ca.pem.'],
  [/does not support SSL/, 'Switch TLS on at the server (ssl = on), or write sslmode=disable.'],
];

/** Why a first connection failed, with the server it was made to and, for TLS, what to change. Shows no password. */
export function connectionProblem(url: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string };
  const fix = fixes.find(([pattern]) => pattern.test(code ?? '') || pattern.test(message ?? ''))?.[1];
  const { host, searchParams } = new URL(url);
  const place = host || searchParams.get('host');
  return new Error(`Postgres at ${place} (TESSERA_DATABASE_URL) cannot be used.${fix ? ` ${fix}` : ''}`, {
    cause: error,
  });
}
