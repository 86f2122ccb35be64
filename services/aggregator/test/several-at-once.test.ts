import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { severalAtOnce } from '../src/several-at-once.js';

it('does all, so many at a time', async () => {
  const done: number[] = [];
  let inHand = 0;
  let most = 0;
  await severalAtOnce([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++inHand);
    await sleep(5);
    inHand--;
    done.push(item);
  });
  expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

it('begins nothing after a failure, and throws the first once what was in hand has ended', async () => {
  const begun: number[] = [];
  let ended = 0;
  const doing = severalAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('the first');
    await sleep(20);
    ended++;
    throw new Error('a later one');
  });
  await expect(doing).rejects.toThrow('the first');
  expect(begun).toEqual([1, 2]);
  expect(ended).toBe(1);
});
