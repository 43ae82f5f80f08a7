import type { Context } from 'hono';
import { z } from 'zod';
import { AuthRefusal } from './errors.ts';

/** Null and absent mean the same, as in Supabase Auth. */
const orElse = <Value, Absent>(schema: z.ZodType<Value>, absent: Absent) =>
  schema.nullish().transform((value) => value ?? absent);

const text = orElse(z.string(), '');
const optionalText = orElse(z.string(), undefined);
const flag = orElse(z.boolean(), false);
const metadata = orElse(z.record(z.string(), z.json()), undefined);

/** The bodies that the routes read. Fields not named here are ignored. */
export const bodies = {
  signUp: z.object({ email: text, password: text, data: metadata }),
  passwordGrant: z.object({ email: text, password: text }),
  refreshGrant: z.object({ refresh_token: text }),
  codeGrant: z.object({ auth_code: text, code_verifier: text }),
  mailed: z.object({
    type: text,
    email: text,
    code_challenge: text,
    code_challenge_method: text,
  }),
  otp: z.object({
    email: text,
    create_user: orElse(z.boolean(), true),
    data: metadata,
    code_challenge: text,
    code_challenge_method: text,
  }),
  verify: z.object({ type: text, email: text, token: text, token_hash: text }),
  factor: z.object({ factor_type: text, friendly_name: text, issuer: text }),
  factorProof: z.object({ challenge_id: text, code: text }),
  userChanges: z.object({
    email: text,
    password: optionalText,
    nonce: text,
    code_challenge: text,
    code_challenge_method: text,
    data: metadata,
    app_metadata: metadata,
  }),
  adminUser: z.object({
    id: text,
    email: text,
    password: optionalText,
    email_confirm: flag,
    user_metadata: metadata,
    app_metadata: metadata,
    ban_duration: text,
  }),
  deletion: z.object({ should_soft_delete: flag }),
};

/** Reads a JSON body, or refuses it as `bad_json`. */
export async function readBody<Output>(
  context: Context,
  schema: z.ZodType<Output>,
  fallback?: string,
): Promise<Output> {
  const words = await context.req.text();
  try {
    return schema.parse(JSON.parse(words || (fallback ?? '')));
  } catch {
    throw new AuthRefusal(400, 'bad_json', 'The body is not JSON of the expected shape.');
  }
}

const emailAddress = z.email({ pattern: z.regexes.html5Email }).max(255).toLowerCase();

/** Returns an e-mail address in lower case, or refuses it. */
export function readEmail(value: string): string {
  const result = emailAddress.safeParse(value);
  if (result.success) return result.data;
  throw new AuthRefusal(400, 'validation_failed', 'The e-mail address is not valid.');
}

/** Whether a value is a UUID of any version: seeds contain ids made up by hand. */
export function isUuid(value: unknown): value is string {
  return z.guid().safeParse(value).success;
}

const unitMilliseconds: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
};

/** Parses when a ban of `1h30m` ends: null for `none`, undefined for an empty text. */
export function readBan(duration: string, now: number): Date | null | undefined {
  if (duration === '') return undefined;
  if (duration === 'none') return null;
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(duration)) throw badBan();
  let length = 0;
  for (const [, amount, unit] of duration.matchAll(/([\d.]+)([a-z]+)/g)) {
    length += Number(amount) * (unitMilliseconds[unit ?? ''] ?? 0);
  }
  const end = new Date(now + length);
  if (Number.isNaN(end.getTime())) throw badBan();
  return length === 0 ? null : end;
}

/** Reads a page of a list from the query. Page 0 is the same as page 1. */
export function readPage(context: Context): { page: number; perPage: number } {
  return {
    page: Math.max(readNumber(context.req.query('page'), 1), 1),
    perPage: readNumber(context.req.query('per_page'), 50) || 50,
  };
}

function readNumber(value: string | undefined, fallback: number): number {
  if (!value) return fallback;
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new AuthRefusal(400, 'validation_failed', 'The page must be a number up to 999999.');
}

function badBan(): AuthRefusal {
  return new AuthRefusal(
    400,
    'validation_failed',
    'The ban must be a duration such as 24h, or none.',
  );
}
