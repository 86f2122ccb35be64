/** What has been asked of the server, kept while it is fresh. */
import { QueryClient } from '@tanstack/react-query';
import { TesseraError } from '@tessera/spec';

export const queries = new QueryClient({
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
