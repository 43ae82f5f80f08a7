import type { Answer } from './answer-checker.ts';

/** The media type of a body, without its parameters. */
export function mediaTypeOf(headers: Headers): string | null {
  return headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? null;
}

/**
 * Checks the answer to a request that the description does not have: a problem with this status and
 * code. A body that is too large may be refused first, before routing.
 */
export function undescribedProblem(
  answer: Answer,
  status: number,
  code: string,
  allowed?: string[],
): string[] {
  const { headers } = answer;
  if (answer.status === 413) return problemDeviations(answer, 413, 'payload_too_large');
  const allow = headers.get('Allow')?.split(/ *, */) ?? [];
  return [
    ...problemDeviations(answer, status, code),
    ...(allow.toSorted().join() === (allowed ?? []).toSorted().join()
      ? []
      : [`Allow is ${JSON.stringify(headers.get('Allow'))}`]),
  ];
}

function problemDeviations(answer: Answer, status: number, code: string): string[] {
  const { headers, body } = answer;
  const expected = {
    type: `urn:proxy-keys:problem:${code}`,
    title: expectText,
    status,
    detail: expectText,
    code,
    requestId: headers.get('X-Request-Id'),
  };
  const bodiless = answer.method === 'HEAD';
  return [
    ...(answer.status === status ? [] : [`the status is not ${status}`]),
    ...(mediaTypeOf(headers) === 'application/problem+json'
      ? []
      : ['it is not a problem document']),
    ...(headers.get('Cache-Control') === 'no-store' ? [] : ['Cache-Control is not no-store']),
    ...(headers.has('X-Request-Id') ? [] : ['X-Request-Id is missing']),
    ...(bodiless && body ? ['there is a body'] : []),
    ...(bodiless || body === null ? [] : memberDeviations(body, expected)),
  ];
}

const expectText = Symbol('text');

function memberDeviations(body: string, expected: Record<string, unknown>): string[] {
  let document: Record<string, unknown>;
  try {
    document = { ...JSON.parse(body) };
  } catch {
    return ['the body is not JSON'];
  }
  const names = new Set([...Object.keys(document), ...Object.keys(expected)]);
  return [...names]
    .filter((name) =>
      expected[name] === expectText
        ? typeof document[name] !== 'string' || document[name] === ''
        : document[name] !== expected[name],
    )
    .map((name) => `body/${name} is ${JSON.stringify(document[name])}`);
}
