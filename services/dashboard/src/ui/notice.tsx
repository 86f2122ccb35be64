/** What stands in the place of a page that is empty, loading or in error. */
import { TesseraError } from '@tessera/spec';
import { Component, type ReactNode } from 'react';

export function Notice({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className="notice">
      <h1>{title}</h1>
      <div>{children}</div>
    </section>
  );
}

export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <p className="loading" role="status">
      {what} ...
    </p>
  );
}

/** An error in one sentence, every problem at its place, and what to do next. */
export function Failure({ error, onRetry }: { error: Error; onRetry?: (() => void) | undefined }) {
  const problems = error instanceof TesseraError ? error.problems : [];
  return (
    <div className="failure" role="alert">
      <p>{error.message}</p>
      {problems.length > 0 && (
        <ul>
          {problems.map(({ pointer, message }) => (
            <li key={pointer + message}>
              <code>{pointer}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Catches what a page throws while it draws, so that the frame stays. */
export class Unreadable extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Notice title="This page could not be drawn">
        <p>{error.message}</p>
        <button type="button" onClick={() => window.location.reload()}>
          Load it again
        </button>
      </Notice>
    );
  }
}
