import { describe, expect, it } from 'vitest';
import { Broken, type Fence } from './model.js';
import { simulate } from './simulate.js';

const schedules = 10_000;
const steps = 120;

it('ten thousand schedules of crashes, delays, repeats and lost queues break no invariant, and all recover', () => {
  for (let seed = 0; seed < schedules; seed++) {
    try {
      simulate(seed, steps);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}, 240_000);

it('a seed gives the same schedule each time', () => {
  expect(simulate(42, steps)).toEqual(simulate(42, steps));
});

describe('every fence is needed: without it some schedule breaks an invariant', () => {
  it.each<Fence>([
    'claim: generation',
    'claim: pending',
    'claim: running',
    'accept: generation',
    'accept: leased',
    'accept: running',
    'release: leased',
    'advance: count what is done',
    'settle: no lease left',
  ])('%s', (fence) => {
    let broken: unknown = null;
    for (let seed = 0; seed < 2000 && broken === null; seed++) {
      try {
        simulate(seed, steps, fence);
      } catch (error) {
        broken = error;
      }
    }
    expect(broken).toBeInstanceOf(Broken);
  });
});
