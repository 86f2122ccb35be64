import type { ExperimentState, TaskState } from '@tessera/spec';

/** A state by colour and by shape, and its word. */
export function StateMark({ state }: { state: ExperimentState | TaskState | string }) {
  return (
    <span className={`state state-${state}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {shapes[state] ?? shapes.pending}
      </svg>
      {state}
    </span>
  );
}

const ring = <circle cx="6" cy="6" r="4" fill="none" strokeWidth="2" stroke="currentColor" />;
const half = (
  <>
    {ring}
    <path d="M6 2a4 4 0 0 1 0 8z" fill="currentColor" />
  </>
);
const square = <path d="M1 1h10v10H1z" fill="currentColor" />;
const cross = <path d="M2 2l8 8M10 2l-8 8" stroke="currentColor" strokeWidth="2.6" />;
const hatched = (
  <>
    <path d="M1.5 1.5h9v9h-9z" fill="none" stroke="currentColor" />
    <path d="M1.5 6L6 1.5M1.5 10.5l9-9M6 10.5L10.5 6" stroke="currentColor" />
  </>
);
const shapes: Record<string, React.ReactNode> = {
  queued: ring,
  pending: ring,
  waiting: ring,
  running: half,
  active: half,
  leased: half,
  completed: square,
  done: square,
  failed: cross,
  cancelling: hatched,
  cancelled: hatched,
};
