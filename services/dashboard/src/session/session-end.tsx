import { endSession, useSession } from './use-session.js';

/** Who one is, and the way out; nothing where no key is needed. */
export function SessionEnd() {
  const { data } = useSession();
  if (!data?.required || data.role === null) return null;
  return (
    <span className="session">
      <span className="muted">
        {data.role}
        {data.project === null ? '' : `, ${data.project}`}
      </span>
      <button type="button" className="quiet" onClick={() => void endSession()}>
        End session
      </button>
    </span>
  );
}
