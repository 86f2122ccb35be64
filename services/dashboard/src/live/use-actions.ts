import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from './api.js';

export type Verb = 'cancel' | 'retry' | 'delete';

/** Cancels, retries or deletes experiments, and reads again what that changes. */
export function useActions() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ verb, ids }: { verb: Verb; ids: readonly string[] }) => {
      for (const id of ids) {
        if (verb === 'cancel') await api.cancelExperiment(id);
        else if (verb === 'retry') await api.retryExperiment(id);
        else await api.deleteExperiment(id);
      }
    },
    onSettled: (_done, error, { verb, ids }) => {
      // What is deleted cannot be read again: its page is about to be left.
      const isGone = (part: unknown) => verb === 'delete' && error === null && ids.includes(part as string);
      return client.invalidateQueries({ predicate: ({ queryKey }) => !queryKey.some(isGone) });
    },
  });
}
