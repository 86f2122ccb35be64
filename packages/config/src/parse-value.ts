/** One value of the environment each. Messages begin with what follows the variable's name. */
import { isIP } from 'node:net';
import { ConfigError } from './config-error.js';

/** A decimal integer without sign, point or exponent, `smallest` to `largest`. */
export function parseInteger(text: string, smallest: number, largest: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= smallest && value <= largest) return value;
  throw new ConfigError(`=${text}: must be an integer from ${smallest} to ${largest}.`);
}

/** One of the words. */
export function parseChoice<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new ConfigError(`=${text}: must be one of ${choices.join(', ')}.`);
}

/** A URL of one of the schemes (without ':'). A refused value is not repeated: it may hold a password. */
export function parseUrl(text: string, schemes: readonly string[]): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  // A Postgres socket folder comes as ?host=/folder with an empty host name.
  const hasHost = url !== null && (url.hostname !== '' || url.searchParams.has('host'));
  if (url !== null && schemes.includes(url.protocol.slice(0, -1)) && hasHost) return text;
  throw new ConfigError(
    `: must be a URL that begins with ${schemes.map((s) => `${s}://`).join(' or ')} and names a host.`,
  );
}

const listed = (text: string) => text.split(',').map((part) => part.trim());

/** Origins (`https://host`, with a port where it has one), between commas. */
export function parseOrigins(text: string): string[] {
  return listed(text).map((part) => {
    if (
      URL.canParse(part) &&
      ['http:', 'https:'].includes(new URL(part).protocol) &&
      new URL(part).origin === part
    )
      return part;
    throw new ConfigError(`=${text}: must be origins such as https://notebooks.example.org, between commas.`);
  });
}

/** IP addresses and networks (`10.0.0.0/8`), between commas. */
export function parseNetworks(text: string): string[] {
  return listed(text).map((part) => {
    const [address = '', bits, ...rest] = part.split('/');
    const most = isIP(address) === 4 ? 32 : 128;
    if (
      isIP(address) > 0 &&
      rest.length === 0 &&
      (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
    )
      return part;
    throw new ConfigError(`=${text}: must be IP addresses or networks such as 10.0.0.0/8, between commas.`);
  });
}
