import { type FormEvent, type ReactNode, useState } from 'react';
import { Failure, Loading } from '../ui/notice.js';
import { beginSession, useSession } from './use-session.js';

/** Shows the pages once the server's question for a key is answered. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { data, error, refetch } = useSession();
  if (data === undefined) {
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  }
  return data.required && data.role === null ? <KeyPage /> : children;
}

function KeyPage() {
  const [key, setKey] = useState('');
  const [error, setError] = useState<Error | null>(null);
  const send = (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    beginSession(key.trim()).catch(setError);
  };
  return (
    <section className="notice">
      <h1>This server wants a key</h1>
      <form onSubmit={send} className="key-form">
        <label htmlFor="key">Your key, as it was shown when it was made</label>
        <input
          id="key"
          type="password"
          autoComplete="current-password"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="primary" disabled={key.trim() === ''}>
          Begin a session
        </button>
        {error && <Failure error={error} />}
        <p className="muted">
          It is sent once and kept as a cookie of this server. An administrator makes keys with{' '}
          <code>tessera key create</code>.
        </p>
      </form>
    </section>
  );
}
