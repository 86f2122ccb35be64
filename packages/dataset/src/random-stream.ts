/**
 * The generator of seeded subsets: xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c),
 * its four words of state the first four outputs of SplitMix32 (a Weyl sequence of 0x9e3779b9 through murmur3's
 * finalizer) started at seed ^ mix(stream). 32-bit integer arithmetic: the same draws on every machine.
 */
export class RandomStream {
  readonly #state: [number, number, number, number];

  /** `seed` and `stream` are 32-bit unsigned; different streams of one seed are independent. */
  constructor(seed: number, stream: number) {
    let weyl = seed ^ mix(stream);
    const next = () => {
      weyl = (weyl + 0x9e3779b9) | 0;
      return mix(weyl);
    };
    this.#state = [next(), next(), next(), next()];
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /** An integer 0 .. bound - 1, all equally likely: draws at or above the largest multiple of `bound` are thrown away. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = this.next();
      if (drawn < limit) return drawn % bound;
    }
  }

  /** `count` of the values, without repetition, in the order drawn: the first steps of a Fisher-Yates shuffle. */
  draw(values: ArrayLike<number>, count: number): number[] {
    const pool = Array.from(values);
    for (let i = 0; i < count; i++) {
      const other = i + this.below(pool.length - i);
      const drawn = pool[other] as number;
      pool[other] = pool[i] as number;
      pool[i] = drawn;
    }
    return pool.slice(0, count);
  }
}

const rotate = (v: number, bits: number): number => (v << bits) | (v >>> (32 - bits));

function mix(v: number): number {
  let h = v;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
