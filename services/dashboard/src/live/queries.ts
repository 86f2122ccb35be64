/** What has been asked of the server, kept while it is fresh. */
import { QueryCache, QueryClient } from '@tanstack/react-query';
import { TesseraError } from '@tessera/spec';

export const sessionKey = ['session'] as const;

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // The session has ended elsewhere: its key was revoked, or its time is over.
    onError(error) {
      if (error instanceof TesseraError && error.code === 'unauthorized')
        void queries.invalidateQueries({ queryKey: sessionKey });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 1000,
      refetchOnWindowFocus: true,
      // A refusal stays one; a server that does not answer may be starting again.
      retry: (failures, error) => !isRefusal(error) && failures < 2,
      retryDelay: (failures) => 500 * 2 ** failures,
    },
  },
});

/** Whether the server has answered and said no: asking again would change nothing. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof TesseraError && error.code !== 'unavailable' && error.code !== 'internal';
