import { useQuery } from '@tanstack/react-query';
import { type Experiment, terminalStates } from '@tessera/spec';
import { api } from './api.js';

/** Between two looks at the list: while something moves, and while nothing does. */
const movingMs = 1500;
const quietMs = 6000;

/** The newest experiments, `limit` of them at most, as they change. */
export function useExperiments(limit: number) {
  return useQuery({
    queryKey: ['experiments', limit],
    queryFn: () => api.listExperiments({ limit }),
    refetchInterval: ({ state }) => (state.data?.items.some(isMoving) ? movingMs : quietMs),
    placeholderData: (last) => last,
  });
}

/** Whether anything may still happen by itself. */
export const isMoving = ({ state }: Pick<Experiment, 'state'>): boolean =>
  !(terminalStates as readonly string[]).includes(state);
