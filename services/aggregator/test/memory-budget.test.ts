import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { MemoryBudget } from '../src/memory-budget.js';

it('lends no more than it has, in the order of asking, and gives back what failed work had', async () => {
  const budget = new MemoryBudget(10);
  const order: string[] = [];
  let held = 0;
  const take = (name: string, bytes: number, fails = false) =>
    budget.run(bytes, async () => {
      order.push(name);
      held += Math.min(bytes, 10);
      expect(held).toBeLessThanOrEqual(10);
      await setTimeout(5);
      held -= Math.min(bytes, 10);
      if (fails) throw new Error('failed');
      return name;
    });
  const work = [take('a', 6), take('b', 4, true), take('more than all', 99), take('c', 1), take('d', 9)];
  const settled = await Promise.allSettled(work);
  expect(settled.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(order).toEqual(['a', 'b', 'more than all', 'c', 'd']);
});
