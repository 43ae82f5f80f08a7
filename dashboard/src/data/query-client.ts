import { QueryClient } from '@tanstack/react-query';
import { Refusal } from './refusal.ts';

/** The cache of all reads. While the page is visible, its data is at most a few seconds old. */
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
