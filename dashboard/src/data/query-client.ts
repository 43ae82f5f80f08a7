import { QueryClient } from '@tanstack/react-query';
import { Refusal } from './refusal.ts';

/** Holds what was read. What it shows is at most some seconds old while somebody looks at it. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 2 && error instanceof Refusal && error.mayPass,
        retryDelay: (failures) => 1_000 * 2 ** failures,
      },
    },
  });
}
