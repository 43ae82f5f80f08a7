import { apiDocsPaths } from '../../scripts/stack/api-docs.ts';
import type { Answer, CheckAnswer } from './answer-checker.ts';

/** An answer of the API that its description does not have. */
export class UndescribedAnswer extends Error {
  constructor({ method, path, status }: Answer, deviations: string[]) {
    const found = deviations.map((deviation) => `\n  - ${deviation}`).join('');
    super(`${method} ${path} answered ${status}, which is not as it is described:${found}`);
    this.name = 'UndescribedAnswer';
  }
}

/**
 * A `fetch` that throws where the API answers what its description does not have. Answers of anything
 * but the API on this machine, and what a test does with an answer, are as without it.
 */
export function createCheckedFetch(options: {
  fetch: typeof globalThis.fetch;
  /** Called when the first answer of the API comes: most test files see none. */
  createCheck: () => Promise<CheckAnswer>;
  onDeviation?: (error: UndescribedAnswer) => void;
}): typeof globalThis.fetch {
  let check: Promise<CheckAnswer> | undefined;
  return async (input, init) => {
    const response = await options.fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const path = apiPath(url);
    if (path === null) return response;
    const answer: Answer = {
      method: (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase(),
      path,
      status: response.status,
      headers: response.headers,
      body: await readCopy(response),
    };
    check ??= options.createCheck();
    const deviations = (await check)(answer);
    if (deviations.length === 0) return response;
    await response.body?.cancel();
    const error = new UndescribedAnswer(answer, deviations);
    options.onDeviation?.(error);
    throw error;
  };
}

/** The path that a function is asked for, without the platform's prefix; null where none is. */
function apiPath({ hostname, pathname }: URL): string | null {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return null;
  if (apiDocsPaths.has(pathname)) return null;
  return /^(?:\/functions\/v1)?(\/(?:api|admin)(?:\/.*)?)$/.exec(pathname)?.[1] ?? null;
}

/** The body, left for the test to read too; null for CSV, which is a stream without end. */
async function readCopy(response: Response): Promise<string | null> {
  if (response.headers.get('Content-Type')?.startsWith('text/csv')) return null;
  // one that breaks off is for the test to see
  return response
    .clone()
    .text()
    .catch(() => null);
}
