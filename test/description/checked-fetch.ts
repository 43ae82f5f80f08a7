import { apiDocsPaths } from '../../scripts/stack/api-docs.ts';
import type { Answer, CheckAnswer } from './answer-checker.ts';

/** An API answer that the description does not allow. */
export class UndescribedAnswer extends Error {
  constructor({ method, path, status }: Answer, deviations: string[]) {
    const found = deviations.map((deviation) => `\n  - ${deviation}`).join('');
    super(`${method} ${path} answered ${status}, which does not match its description:${found}`);
    this.name = 'UndescribedAnswer';
  }
}

/**
 * A `fetch` that throws if an API answer does not match its description. Answers from elsewhere
 * than the API on this machine, and a test's use of an answer, are unaffected.
 */
export function createCheckedFetch(options: {
  fetch: typeof globalThis.fetch;
  /** Called for the first API answer: most test files get none. */
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

/** The path of a function, without the platform's prefix; null for other paths. */
function apiPath({ hostname, pathname }: URL): string | null {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return null;
  if (apiDocsPaths.has(pathname)) return null;
  return /^(?:\/functions\/v1)?(\/(?:api|admin)(?:\/.*)?)$/.exec(pathname)?.[1] ?? null;
}

/**
 * A copy of the body, so that the test can still read it; null for CSV, which streams without end.
 */
async function readCopy(response: Response): Promise<string | null> {
  if (response.headers.get('Content-Type')?.startsWith('text/csv')) return null;
  // the test handles a body that breaks off
  return response
    .clone()
    .text()
    .catch(() => null);
}
