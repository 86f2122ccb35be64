import { type Progress, progressOf, progressWaves, type WaveProgress } from '@tessera/spec';

/** All units of work together. */
export function wholeOf(progress: Progress): WaveProgress {
  const whole = { total: 0, done: 0, failed: 0, running: 0 };
  for (const wave of progressWaves) {
    const { total, done, failed, running } = progressOf(progress, wave);
    whole.total += total;
    whole.done += done;
    whole.failed += failed;
    whole.running += running;
  }
  return whole;
}

/** Done, failed and what is left, as lengths. The words beside it say the numbers. */
export function ProgressBar({ work, label }: { work: WaveProgress; label: string }) {
  const { total, done, failed, running } = work;
  const part = (count: number) => (total === 0 ? 0 : (100 * count) / total);
  return (
    <svg
      className="progress"
      viewBox="0 0 100 1"
      preserveAspectRatio="none"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done}
    >
      <rect className="progress-done" width={part(done)} height="1" />
      <rect className="progress-running" x={part(done)} width={part(running)} height="1" />
      <rect className="progress-failed" x={100 - part(failed)} width={part(failed)} height="1" />
    </svg>
  );
}
