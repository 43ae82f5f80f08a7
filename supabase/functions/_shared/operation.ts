import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Caller } from './database.ts';
import type { ProblemCode } from './problem.ts';
import type { ServiceEnv } from './service.ts';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** A handler's input: the whole request, parsed and validated. */
export interface OperationRequest<Query extends z.ZodRawShape, Body extends z.ZodType> {
  context: Context<ServiceEnv>;
  caller: Caller;
  query: z.output<z.ZodObject<Query>>;
  body: z.output<Body>;
}

/** An operation's input besides its path. */
interface RequestParts<Query extends z.ZodRawShape, Body extends z.ZodType> {
  query?: Query;
  /** A JSON body. */
  body?: Body;
  bodyOptional?: true;
  /** Whether it accepts an `Idempotency-Key`. */
  retried?: true;
}

/** One method of one path: its description, input, responses and handler. */
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
    /** The body's schema by media type; absent without a body. */
    content?: Record<string, z.ZodType>;
    /** Headers of this response in addition to those of every response. */
    headers?: Record<string, z.ZodType>;
  };
  /** Its own refusals, in addition to those common to its kind of operation. */
  problems: ProblemCode[];
  handle(request: OperationRequest<Query, Body>): Promise<Response>;
}

// biome-ignore lint/suspicious/noExplicitAny: each operation has its own types
export type AnyOperation = Operation<any, any>;

/** Infers an operation's types from its query and body. */
export function operation<
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Operation<Query, Body>): AnyOperation {
  return definition;
}
