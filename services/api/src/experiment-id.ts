import { randomBytes } from 'node:crypto';

/** Crockford's base 32: lower case, without i, l, o and u. */
const digits = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A new experiment id: `e`, 10 characters of the time in milliseconds, 6 at random. Later ids sort later;
 * safe in paths and URLs.
 */
export function newExperimentId(now: number = Date.now()): string {
  let time = '';
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = digits[rest % 32] + time;
  const random = [...randomBytes(6)].map((byte) => digits[byte % 32]).join('');
  return `e${time}${random}`;
}

/** True of text that can be an experiment's id; anything else names none. */
export const isExperimentId = (text: string) => /^[a-z0-9]{1,64}$/.test(text);
