/** Files and option values that a command is given. */
import { readFile } from 'node:fs/promises';
import type { Axis } from '@tessera/spec';
import { UsageError } from './error-report.js';
import type { Session } from './session.js';

/** The JSON of a spec file, or of standard input where the name is `-`. Not validated. */
export async function readSpec(session: Session, file: string): Promise<never> {
  const name = file === '-' ? 'Standard input' : file;
  const text = file === '-' ? await readAll(session.streams.stdin) : await readText(file);
  try {
    return JSON.parse(text) as never;
  } catch (error) {
    throw new UsageError(`${name} is not valid JSON: ${(error as Error).message}.`, error);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** What to say of a file that cannot be read or written. */
export function unreadable(file: string, error: unknown): UsageError {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a folder',
    EACCES: 'permission is missing',
  };
  const { code = '' } = error as NodeJS.ErrnoException;
  return new UsageError(`${file}: ${reasons[code] ?? (error as Error).message}.`, error);
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

/** A number of a command line. */
export function readNumber(text: string, name: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new UsageError(`${name} is ${JSON.stringify(text)}; write a number.`);
  }
  return value;
}

/** `1.5`, a list `1,1.5,2`, or a range `0.5:3:40` of from, to and count. */
export function readAxis(text: string, name: string): number | Axis {
  if (text.includes(':')) {
    const parts = text.split(':').map((part) => readNumber(part, name));
    const [from, to, count] = parts;
    if (parts.length !== 3 || from === undefined || to === undefined || count === undefined) {
      throw new UsageError(`${name} is ${JSON.stringify(text)}; write a range as from:to:count.`);
    }
    return { from, to, count };
  }
  const values = text.split(',').map((part) => readNumber(part, name));
  return values.length === 1 ? (values[0] as number) : values;
}

/** `key=value` options as one object. */
export function readPairs(pairs: readonly string[], name: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`${name} is ${JSON.stringify(pair)}; write key=value.`);
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    }),
  );
}
