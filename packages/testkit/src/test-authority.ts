import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An authority that no system knows, and the key and certificate of a server named `localhost` that it vouches for. */
export interface TestAuthority {
  readonly folder: string;
  /** Its certificate (PEM). */
  readonly ca: string;
  readonly files: { readonly ca: string; readonly certificate: string; readonly key: string };
  remove(): void;
}

/** Makes one in a folder of its own, by openssl. */
export function makeTestAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-tls-'));
  const openssl = (line: string, ...more: string[]) =>
    execFileSync('openssl', [...line.split(' '), ...more], { stdio: 'pipe', cwd: folder });
  const days = ['-days', '2'];
  openssl(
    'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj',
    '/CN=test authority',
    ...days,
  );
  // Its name alone, as managed services do it: a client that goes by addresses is refused.
  openssl(
    'req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost -addext',
    'subjectAltName=DNS:localhost',
  );
  openssl(
    'x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -copy_extensions copy',
    ...days,
  );
  const at = (name: string) => join(folder, name);
  return {
    folder,
    ca: readFileSync(at('ca.pem'), 'utf8'),
    files: { ca: at('ca.pem'), certificate: at('server.pem'), key: at('server.key') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
