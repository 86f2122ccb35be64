import { createReadStream } from 'node:fs';
import { TesseraError } from '@tessera/spec';
import { extract } from 'tar-stream';
import { badArchive, membersLimit } from './format.js';

/** One member, whose bytes must be read before the next comes. */
export interface Member {
  name: string;
  bytes: number;
  content: AsyncIterable<Buffer>;
}

/** A header that goes on for longer than this is an attack: no name of ours fills a block. */
const headerBytesLimit = 2 ** 20;

/** The members of a tar file in order. Links, folders, devices and repeated names are refused, and what is cut short. */
export async function* tarMembers(file: string): AsyncGenerator<Member> {
  const parser = extract();
  const source = createReadStream(file, { highWaterMark: 1 << 18 });
  let sinceMember = 0;
  source.on('data', (bytes) => {
    sinceMember += bytes.length;
    if (sinceMember > headerBytesLimit) parser.destroy(badArchive('a header is longer than any name'));
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser as unknown as NodeJS.WritableStream);
  const names = new Set<string>();
  try {
    for await (const entry of parser) {
      const { name, type, size } = entry.header;
      sinceMember = 0;
      if (type !== 'file') throw badArchive(`${JSON.stringify(name.slice(0, 100))} is a ${type}, not a file`);
      if (names.has(name)) throw badArchive(`${name.slice(0, 100)} comes twice`);
      if (names.size >= membersLimit) throw badArchive(`it has more than ${membersLimit} members`);
      names.add(name);
      const content = (async function* () {
        try {
          for await (const piece of entry as unknown as AsyncIterable<Buffer>) {
            sinceMember = 0;
            yield piece;
          }
        } catch (error) {
          throw asBadArchive(error);
        }
      })();
      yield { name, bytes: size, content };
    }
  } catch (error) {
    throw asBadArchive(error);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** What the parser throws, as ours. */
function asBadArchive(error: unknown): unknown {
  if (error instanceof TesseraError) return error;
  return badArchive(`it is not a whole tar file (${(error as Error).message})`, error);
}
