/** What every command works with: a client, where to write, and how. */
import { TesseraClient } from '@tessera/client';
import { UsageError } from './error-report.js';
import { type ColorDepth, colorDepthOf, type OutputStream } from './paint.js';

/** The streams of a process, or a test's. */
export interface Streams {
  stdin: AsyncIterable<Uint8Array | string>;
  stdout: OutputStream;
  stderr: OutputStream;
}

export class Session {
  readonly client: TesseraClient;
  /** Write JSON and nothing else. */
  readonly json: boolean;
  readonly streams: Streams;
  readonly colorDepth: ColorDepth;

  constructor(url: string, json: boolean, streams: Streams, key: string | null = null) {
    try {
      this.client = new TesseraClient(url, { key });
    } catch (error) {
      throw new UsageError((error as Error).message, error);
    }
    this.json = json;
    this.streams = streams;
    this.colorDepth = colorDepthOf(streams.stdout);
  }

  /** Columns of the terminal; 100 where there is none. */
  get columns(): number {
    return this.streams.stdout.columns ?? 100;
  }

  /** One line, or several, on standard output. */
  write(text: string): void {
    this.streams.stdout.write(`${text}\n`);
  }

  /** The value as JSON under --json, else the text. */
  show(value: unknown, text: () => string): void {
    this.write(this.json ? JSON.stringify(value, null, 2) : text());
  }
}
