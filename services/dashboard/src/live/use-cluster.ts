import { useQuery } from '@tanstack/react-query';
import { api } from './api.js';

/** Workers, queues, leases and sizes, every two seconds. */
export const useCluster = (isWanted = true) =>
  useQuery({
    queryKey: ['cluster'],
    queryFn: () => api.getCluster(),
    refetchInterval: 2000,
    enabled: isWanted,
  });
