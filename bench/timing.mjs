/** Times that can be compared: both sides in turn, so that a machine whose speed drifts drifts for both. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {Promise<number>} milliseconds */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Runs every side once a round, in turn, and takes each side's median.
 * @template {string} Name
 * @param {number} rounds at least three
 * @param {Record<Name, (round: number) => Promise<number>>} sides each runs once and gives its time
 * @returns {Promise<Record<Name, number>>}
 */
export async function interleaved(rounds, sides) {
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) times[name].push(await run(round));
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

/** The median of a few runs at once: for what is over in milliseconds. */
export function several(count, run) {
  return async () => {
    const times = [];
    for (let i = 0; i < count; i++) times.push(await run());
    return median(times);
  };
}
