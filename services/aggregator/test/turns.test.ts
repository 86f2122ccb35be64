import { setImmediate } from 'node:timers/promises';
import { FairBudget } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import { inTurns } from '../src/turns.js';

const forever = new AbortController().signal;

describe('items in turns', () => {
  it('come first come first served, so many at once, and leave their results in order', async () => {
    const turns = new FairBudget(2);
    const begun: string[] = [];
    let [atOnce, most] = [0, 0];
    const work = async (item: string) => {
      begun.push(item);
      most = Math.max(most, ++atOnce);
      // The first of a batch takes longest.
      for (let i = item.endsWith('0') ? 5 : 1; i > 0; i--) await setImmediate();
      atOnce--;
      return item.toUpperCase();
    };
    const batches = [
      inTurns(turns, forever, ['a0', 'a1', 'a2'], work),
      inTurns(turns, forever, ['b0', 'b1'], work),
    ];
    expect(await Promise.all(batches)).toEqual([
      ['A0', 'A1', 'A2'],
      ['B0', 'B1'],
    ]);
    expect(begun).toEqual(['a0', 'a1', 'a2', 'b0', 'b1']);
    expect(most).toBe(2);
  });

  it('end with the first failure, after what was in work, and begin no more', async () => {
    const turns = new FairBudget(2);
    const ended: number[] = [];
    const work = async (item: number) => {
      if (item === 0) throw new Error('the first');
      await setImmediate();
      ended.push(item);
    };
    await expect(inTurns(turns, forever, [0, 1, 2, 3], work)).rejects.toThrow('the first');
    expect(ended).toEqual([1]);
    await turns.take(2);
  });

  it('begin no more once they are not wanted', async () => {
    const abort = new AbortController();
    const begun: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      abort.abort();
    };
    await expect(inTurns(new FairBudget(1), abort.signal, [0, 1], work)).rejects.toThrow();
    expect(begun).toEqual([0]);
  });
});
