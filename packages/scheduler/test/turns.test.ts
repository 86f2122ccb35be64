import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Contender, Turns } from '../src/turns.js';

/** Deals rounds of a few places among contenders that always want more. @returns what each got */
function serve(turns: Turns, contenders: readonly Contender[], rounds: number, places: number) {
  const got = new Map(contenders.map(({ id }) => [id, 0]));
  for (let round = 0; round < rounds; round++) {
    for (const [id, share] of turns.deal(contenders, places)) {
      const contender = contenders.find((one) => one.id === id) as Contender;
      turns.took(contender, share);
      got.set(id, (got.get(id) as number) + share);
    }
    turns.settle(contenders);
  }
  return got;
}

it('places are shared in the proportion of priorities, however few are free at once', () => {
  const contenders = fc.uniqueArray(
    fc.record({ id: fc.stringMatching(/^[a-z]{1,4}$/), priority: fc.integer({ min: 1, max: 10 }) }),
    { minLength: 1, maxLength: 12, selector: ({ id }) => id },
  );
  fc.assert(
    fc.property(contenders, fc.integer({ min: 1, max: 9 }), (all, places) => {
      const rounds = 400;
      const got = serve(new Turns(), all, rounds, places);
      const weights = all.reduce((sum, { priority }) => sum + priority, 0);
      for (const { id, priority } of all) {
        const fair = (rounds * places * priority) / weights;
        expect(Math.abs((got.get(id) as number) - fair)).toBeLessThanOrEqual(priority + 1);
      }
    }),
  );
});

it('nobody waits for longer than its weight says: the last of many gets its turn', () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ id: `e${i}`, priority: i === 0 ? 10 : 1 }));
  const got = serve(new Turns(), many, 110, 1);
  expect(Math.min(...got.values())).toBeGreaterThanOrEqual(1);
});

it('a newcomer gets its share at once, and no more for having come late', () => {
  const turns = new Turns();
  const [old, late] = [
    { id: 'old', priority: 5 },
    { id: 'late', priority: 5 },
  ];
  serve(turns, [old], 1000, 1);
  const got = serve(turns, [old, late], 20, 1);
  expect(Object.fromEntries(got)).toEqual({ old: 10, late: 10 });
});

it('who wanted nothing for a while has saved nothing up', () => {
  const turns = new Turns();
  const [busy, idle] = [
    { id: 'busy', priority: 5 },
    { id: 'idle', priority: 5 },
  ];
  serve(turns, [busy, idle], 10, 1);
  serve(turns, [busy], 500, 1);
  const got = serve(turns, [busy, idle], 20, 1);
  expect(Object.fromEntries(got)).toEqual({ busy: 10, idle: 10 });
});

it('newcomers that never cease keep nobody from a second place', () => {
  const turns = new Turns();
  const first = { id: 'first', priority: 5 };
  let waiting = [first];
  let got = 0;
  for (let round = 0; round < 50; round++) {
    for (const late of ['a', 'b']) waiting.push({ id: `${late}${round}`, priority: 5 });
    for (const id of turns.deal(waiting, 1).keys()) {
      turns.took(waiting.find((one) => one.id === id) as Contender, 1);
      if (id === first.id) got++;
      else waiting = waiting.filter((one) => one.id !== id);
    }
    turns.settle(waiting);
  }
  expect(got).toBeGreaterThan(1);
});
