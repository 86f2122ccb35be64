import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CoreBudget } from '../src/index.js';

describe('CoreBudget', () => {
  it('never lends more cores than it has, and lends them all', async () => {
    const budget = new CoreBudget(4);
    let used = 0;
    let most = 0;
    const work = (cores: number) =>
      budget.run(cores, async () => {
        used += cores;
        most = Math.max(most, used);
        await sleep(1);
        used -= cores;
      });
    await Promise.all(Array.from({ length: 50 }, (_, i) => work(1 + (i % 4))));
    expect(most).toBe(4);
  });

  it('starts calls in the order they came, so small ones do not starve a large one', async () => {
    const budget = new CoreBudget(2);
    const order: string[] = [];
    const work = (name: string, cores: number) =>
      budget.run(cores, async () => {
        order.push(name);
        await sleep(1);
      });
    await Promise.all([work('a', 1), work('all', 2), work('b', 1), work('c', 1), work('all again', 2)]);
    expect(order).toEqual(['a', 'all', 'b', 'c', 'all again']);
  });

  it('gives its cores back when the work fails', async () => {
    const budget = new CoreBudget(1);
    await expect(budget.run(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(
      budget.run(1, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(await budget.run(1, async () => 7)).toBe(7);
  });

  it('refuses a call from within work that holds cores, which could wait for ever', async () => {
    const budget = new CoreBudget(2);
    await expect(budget.run(1, () => budget.run(1, async () => 1))).rejects.toThrow('may not ask for more');
    let later: () => Promise<number> = async () => 0;
    await budget.run(1, async () => {
      later = () => sleep(1).then(() => budget.run(2, async () => 5));
    });
    expect(await later()).toBe(5);
  });

  it('refuses to lend what it can never have', async () => {
    const budget = new CoreBudget(2);
    for (const cores of [0, -1, 1.5, 3, Number.NaN])
      await expect(budget.run(cores, async () => 1)).rejects.toThrow(RangeError);
    expect(() => new CoreBudget(0)).toThrow(RangeError);
  });
});
