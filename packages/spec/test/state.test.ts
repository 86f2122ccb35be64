import { expect, it } from 'vitest';
import { experimentStates, isLegalTransition, terminalStates } from '../src/index.js';

it('a completed experiment stays completed; failed and cancelled ones may only be queued again', () => {
  for (const to of experimentStates) {
    expect(isLegalTransition('completed', to)).toBe(false);
    expect(isLegalTransition('failed', to)).toBe(to === 'queued');
    expect(isLegalTransition('cancelled', to)).toBe(to === 'queued');
  }
});

it('a cancelling experiment ends only cancelled', () => {
  expect(experimentStates.filter((to) => isLegalTransition('cancelling', to))).toEqual(['cancelled']);
});

it('a terminal state is reached from every state', () => {
  for (const from of experimentStates) {
    const reached = new Set([from]);
    for (const state of reached)
      for (const to of experimentStates) if (isLegalTransition(state, to)) reached.add(to);
    expect(terminalStates.some((state) => reached.has(state))).toBe(true);
  }
});
