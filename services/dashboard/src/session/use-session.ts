/** Whether this server wants a key, and what the present one allows. */
import { useQuery } from '@tanstack/react-query';
import type { SessionInfo } from '@tessera/spec';
import { api } from '../live/api.js';
import { queries, sessionKey } from '../live/queries.js';

export function useSession() {
  return useQuery({ queryKey: sessionKey, queryFn: () => api.session(), staleTime: 60_000 });
}

/** Sends a key once; the answer is a cookie that scripts cannot read. @throws Error where the key is not taken */
export async function beginSession(key: string): Promise<void> {
  const response = await fetch('/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  if (response.status === 401) throw new Error('This key is not known here, or it has been revoked.');
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  // What was read without the key, or with another one, is forgotten; what is on the page is asked again.
  await queries.resetQueries();
}

export async function endSession(): Promise<void> {
  await fetch('/v1/session', { method: 'DELETE' });
  queries.clear();
  window.location.assign('/');
}

/** Whether the session may create, cancel, retry and delete. */
export const maySubmit = (session: SessionInfo | undefined): boolean =>
  session === undefined || !session.required || session.role === 'submitter' || session.role === 'admin';
