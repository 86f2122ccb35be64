/** An experiment's progress: bars redrawn in place on a terminal, timestamped lines elsewhere. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Progress,
  type ProgressWave,
  progressOf,
  progressWaves,
  type WaveProgress,
} from '@tessera/spec';
import { countText, durationText, numberText, timeText } from './format.js';
import { colorDepthOf, type OutputStream, paint } from './paint.js';

/** Rates are over this much time. */
const rateWindowMs = 15_000;
/** Lines elsewhere than on a terminal come no more often than this. */
const lineIntervalMs = 10_000;
const redrawIntervalMs = 100;

interface Sample {
  timeMs: number;
  /** Of trainings the steps: a network may take minutes. */
  done: Record<ProgressWave, number>;
}

/** Shows progress on a stream. Call `update` with each snapshot, `note` for a line of its own, `end` once. */
export class ProgressLines {
  readonly #stream: OutputStream;
  readonly #now: () => number;
  #samples: Sample[] = [];
  #drawnLines = 0;
  #lastShownMs = Number.NEGATIVE_INFINITY;
  #latest: Progress | null = null;
  #shown: Progress | null = null;

  constructor(stream: OutputStream, now: () => number = Date.now) {
    this.#stream = stream;
    this.#now = now;
  }

  update(progress: Progress): void {
    this.#latest = progress;
    const timeMs = this.#now();
    const done = {
      tiles: progress.tiles.done,
      analyses: progress.analyses.done,
      strips: progress.strips.done,
      trainings: progress.trainings?.steps.done ?? 0,
    };
    this.#samples.push({ timeMs, done });
    while ((this.#samples[1]?.timeMs ?? timeMs) < timeMs - rateWindowMs) this.#samples.shift();
    const interval = this.#isTerminal ? redrawIntervalMs : lineIntervalMs;
    if (timeMs - this.#lastShownMs >= interval) this.#show(progress);
  }

  /** A line that stays, above the bars. */
  note(text: string): void {
    this.#erase();
    this.#stream.write(this.#isTerminal ? `${text}\n` : `${timeText(new Date(this.#now()))} ${text}\n`);
    if (this.#isTerminal && this.#latest !== null) this.#draw(this.#latest);
  }

  /** Shows the last snapshot, where it is not the last line already, and leaves it standing. */
  end(): void {
    if (this.#latest !== null && (this.#isTerminal || !isDeepStrictEqual(this.#latest, this.#shown)))
      this.#show(this.#latest);
    this.#drawnLines = 0;
    this.#latest = null;
  }

  get #isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  #show(progress: Progress): void {
    this.#lastShownMs = this.#now();
    this.#shown = progress;
    if (this.#isTerminal) {
      this.#erase();
      this.#draw(progress);
    } else this.#stream.write(`${timeText(new Date(this.#lastShownMs))} ${this.#sentence(progress)}\n`);
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#stream.write(`\u001b[${this.#drawnLines}A\u001b[J`);
    this.#drawnLines = 0;
  }

  #draw(progress: Progress): void {
    const depth = colorDepthOf(this.#stream);
    const columns = this.#stream.columns ?? 80;
    const length = Math.max(4, Math.min(40, columns - 42));
    const lines = progressWaves
      .filter((wave) => progressOf(progress, wave).total > 0)
      .map((wave) => {
        const { total, done, failed } = progressOf(progress, wave);
        const filled = Math.floor((length * Math.min(done, total)) / Math.max(1, total));
        const bar = paint('█'.repeat(filled), 'green', depth) + '░'.repeat(length - filled);
        const failures = failed > 0 ? `  ${paint(`${countText(failed)} failed`, 'red', depth)}` : '';
        return `${wave.padEnd(9)} ${bar} ${countText(done)}/${countText(total)}${this.#rateText(wave, progressOf(progress, wave))}${failures}`;
      });
    lines.push(leftText(progress));
    this.#stream.write(`${lines.join('\n')}\n`);
    this.#drawnLines = lines.length;
  }

  #sentence(progress: Progress): string {
    const parts = progressWaves
      .filter((wave) => progressOf(progress, wave).total > 0)
      .map((wave) => {
        const { total, done, failed } = progressOf(progress, wave);
        const failures = failed > 0 ? `, ${countText(failed)} failed` : '';
        return `${wave} ${countText(done)}/${countText(total)}${this.#rateText(wave, progressOf(progress, wave))}${failures}`;
      });
    return [...parts, leftText(progress)].join('; ');
  }

  #rateText(wave: ProgressWave, { done, total }: WaveProgress): string {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.timeMs <= first.timeMs || done >= total) return '';
    const rate = (1000 * (last.done[wave] - first.done[wave])) / (last.timeMs - first.timeMs);
    return rate > 0 ? ` at ${numberText(rate)}${wave === 'trainings' ? ' steps' : ''}/s` : '';
  }
}

function leftText(progress: Progress): string {
  const { secondsLeft } = progress;
  const isDone = (wave: ProgressWave) => progressOf(progress, wave).done >= progressOf(progress, wave).total;
  if (progressWaves.every(isDone)) return 'all done';
  return secondsLeft === null ? 'time left not known yet' : `${durationText(secondsLeft)} left`;
}
