import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { refusals } from './refusals.ts';

/** Refusals and failures that do not come from the database. */
const ownProblems = {
  method_not_allowed: [405, 'Method not allowed'],
  payload_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The body is not uncompressed JSON'],
  internal: [500, 'Internal error'],
  unavailable: [503, 'Temporarily unavailable'],
} as const;

/** Every stable `code` that a response can carry, with its HTTP status and title. */
export const problemCatalog = { ...refusals, ...ownProblems } as const satisfies Record<
  string,
  readonly [ContentfulStatusCode, string]
>;

/** The stable, documented code of a refusal. */
export type ProblemCode = keyof typeof problemCatalog;

/** Whether a hint from the database is the code of a refusal. */
export function isProblemCode(text: string | null | undefined): text is ProblemCode {
  return typeof text === 'string' && Object.hasOwn(problemCatalog, text);
}

/** The error in one field of a refused body; `path` is empty for the whole body. */
export interface FieldError {
  path: string;
  message: string;
}

export interface ProblemOptions {
  /** A sentence about this occurrence. It must reveal nothing about other users or our internals. */
  detail: string;
  errors?: FieldError[];
  /** The key that an earlier request minted or rotated, for already_done. */
  id?: string;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** A refusal to send to the caller. It can be thrown anywhere below a route. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, options: ProblemOptions) {
    super(code, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.options = options;
  }
}

/** The `type` of a code's problem documents. */
export function problemType(code: ProblemCode): string {
  return `urn:proxy-keys:problem:${code}`;
}

/** Responds with an RFC 9457 problem document. */
export function respondWithProblem(context: Context, problem: Problem): Response {
  const [status, title] = problemCatalog[problem.code];
  const { detail, errors, id, headers } = problem.options;
  for (const [name, value] of Object.entries(headers ?? {})) context.header(name, value);
  if (status === 401) context.header('WWW-Authenticate', 'Bearer');
  context.header('Content-Type', 'application/problem+json');
  const body = {
    type: problemType(problem.code),
    title,
    status,
    detail,
    code: problem.code,
    requestId: context.get('requestId') as string,
    ...(errors ? { errors } : {}),
    ...(id === undefined ? {} : { id }),
  };
  return context.body(JSON.stringify(body), status);
}
