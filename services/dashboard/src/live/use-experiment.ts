/** One experiment, live: read once, then changed by its events, over lost connections and restarts of the server. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { Experiment, ExperimentEvent } from '@tessera/spec';
import { useEffect, useState } from 'react';
import { api } from './api.js';
import { isRefusal } from './queries.js';
import { isMoving } from './use-experiments.js';

/** After a connection that gave nothing. */
const retryMs = 1000;

export interface LiveExperiment {
  experiment: Experiment | undefined;
  error: Error | null;
  /** Why events do not come at this moment; null while they do, or once the experiment has ended. */
  lost: string | null;
}

export const experimentKey = (id: string) => ['experiment', id] as const;

export function useExperiment(id: string): LiveExperiment {
  const client = useQueryClient();
  const key = experimentKey(id);
  const { data, error } = useQuery({ queryKey: key, queryFn: () => api.getExperiment(id), staleTime: 5000 });
  const [lost, setLost] = useState<string | null>(null);
  const watching = data !== undefined && isMoving(data);

  useEffect(() => {
    if (!watching) return;
    const abort = new AbortController();
    const apply = (event: ExperimentEvent) => {
      setLost(null);
      client.setQueryData<Experiment>(['experiment', id], (known) => known && applyEvent(known, event));
    };
    const onReconnect = (error: Error) => setLost(error.message);
    const follow = async () => {
      while (!abort.signal.aborted) {
        try {
          for await (const event of api.watch(id, {
            signal: abort.signal,
            reconnectMs: Number.POSITIVE_INFINITY,
            onReconnect,
          }))
            apply(event);
          // It has ended: times and the last counts come with the whole.
          await client.invalidateQueries({ queryKey: ['experiment', id] });
          return;
        } catch (error) {
          if (abort.signal.aborted) return;
          if (isRefusal(error)) {
            await client.invalidateQueries({ queryKey: ['experiment', id] });
            return;
          }
          setLost((error as Error).message);
          await new Promise((resolve) => setTimeout(resolve, retryMs));
        }
      }
    };
    void follow();
    return () => {
      abort.abort();
      setLost(null);
    };
  }, [client, id, watching]);

  return { experiment: data, error, lost };
}

function applyEvent(known: Experiment, event: ExperimentEvent): Experiment {
  return event.event === 'progress'
    ? { ...known, progress: event.data }
    : { ...known, state: event.data.state, error: event.data.error };
}
