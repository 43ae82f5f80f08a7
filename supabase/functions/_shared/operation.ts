import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Caller } from './database.ts';
import type { ProblemCode } from './problem.ts';
import type { ServiceEnv } from './service.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** What a handler is given: all that was sent, read and checked. */
export interface OperationRequest<Query extends z.ZodRawShape, Body extends z.ZodType> {
  context: Context<ServiceEnv>;
  caller: Caller;
  query: z.output<z.ZodObject<Query>>;
  body: z.output<Body>;
}

/** What an operation takes beside its path. */
interface RequestParts<Query extends z.ZodRawShape, Body extends z.ZodType> {
  query?: Query;
  /** JSON. */
  body?: Body;
  bodyOptional?: true;
  /** Whether it takes an `Idempotency-Key`. */
  retried?: true;
}

/** One method of one path: how it is described, what it takes and answers, and what it does. */
export interface Operation<Query extends z.ZodRawShape, Body extends z.ZodType>
  extends RequestParts<Query, Body> {
  operationId: string;
  summary: string;
  description?: string;
  tag: 'Keys' | 'Usage' | 'Alerts' | 'Admin' | 'Service';
  /** Needs no token. */
  open?: true;
  success: {
    status: 200 | 201 | 204;
    description: string;
    /** Of the body, by media type; none without a body. */
    content?: Record<string, z.ZodType>;
    /** Headers of this answer beside those of every answer. */
    headers?: Record<string, z.ZodType>;
  };
  /** The refusals of its own, beside those that every operation of its kind can meet. */
  problems: ProblemCode[];
  handle(request: OperationRequest<Query, Body>): Promise<Response>;
}

// biome-ignore lint/suspicious/noExplicitAny: each operation has types of its own
export type AnyOperation = Operation<any, any>;

/** Types an operation by its own query and body. */
export function operation<
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Operation<Query, Body>): AnyOperation {
  return definition;
}
