import { describe, expect, it } from 'vitest';
import { Drain } from '../src/drain.js';

describe('the rate at which a queue drains', () => {
  it('comes to what is taken from it, whatever is put in', () => {
    const drain = new Drain();
    drain.observe(0, 1000);
    let outstanding = 0;
    let rate = 0;
    for (let pass = 1; pass <= 20; pass++) {
      drain.filled(100);
      outstanding += 100 - 40;
      rate = drain.observe(outstanding, 1000 + 200 * pass);
    }
    expect(rate).toBeCloseTo(40 / 200, 3);
  });

  it('is that of the last half second, and never negative', () => {
    const drain = new Drain();
    drain.observe(0, 1000);
    drain.filled(1000);
    expect(drain.observe(0, 2000)).toBeGreaterThan(0.8);
    // What came back: leases that ended.
    expect(drain.observe(50, 5000)).toBeLessThan(0.01);
    expect(drain.observe(50, 5000)).toBeGreaterThanOrEqual(0);
  });
});
