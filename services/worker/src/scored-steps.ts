/**
 * The steps after which a network is scored, ascending: 1, 2, 5, 10, ... and the last, and those that fall on the times of
 * the kernel's gradient flow.
 * @param stepsPerTime null where there is none
 */
export function scoredSteps(steps: number, stepsPerTime: number | null, times: readonly number[]): number[] {
  const found = new Set([steps]);
  for (let decade = 1; decade < steps; decade *= 10) {
    for (const digit of [1, 2, 5]) if (digit * decade < steps) found.add(digit * decade);
  }
  for (const time of stepsPerTime === null ? [] : times) {
    const step = Math.round(time * (stepsPerTime ?? 0));
    if (step >= 1 && step < steps) found.add(step);
  }
  return [...found].sort((a, b) => a - b);
}
