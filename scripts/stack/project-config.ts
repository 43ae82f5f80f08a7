import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { projectRoot } from './project-root.ts';
import { StackError } from './stack-error.ts';

const configSchema = z.object({
  api: z.object({
    port: z.int(),
    schemas: z.array(z.string()),
    extra_search_path: z.array(z.string()),
    max_rows: z.int(),
  }),
  db: z.object({ port: z.int() }),
  auth: z.object({
    jwt_expiry: z.int(),
    enable_signup: z.boolean(),
    enable_anonymous_sign_ins: z.boolean().default(false),
    enable_refresh_token_rotation: z.boolean(),
    refresh_token_reuse_interval: z.int(),
    minimum_password_length: z.int(),
    email: z.object({
      enable_confirmations: z.boolean(),
      secure_password_change: z.boolean().default(false),
    }),
  }),
  functions: z.record(z.string(), z.object({ entrypoint: z.string() })),
});

/** The part of `supabase/config.toml` that the stack reads. The CLI reads the same file. */
export type ProjectConfig = z.infer<typeof configSchema>;

/** Reads `supabase/config.toml`. */
export function readProjectConfig(): ProjectConfig {
  const file = join(projectRoot, 'supabase', 'config.toml');
  try {
    return configSchema.parse(parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    const words = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new StackError(`${file} is invalid.\n${words}`, 'Correct it, then start again.', {
      cause,
    });
  }
}
