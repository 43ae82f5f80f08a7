import { z } from '@hono/zod-openapi';
import { type ProblemCode, problemCatalog, problemType } from './problem.ts';

const fieldErrors = z
  .array(
    z.strictObject({
      path: z.string().openapi({ description: 'The field; empty for the whole body.' }),
      message: z.string(),
    }),
  )
  .openapi({ description: 'The errors, by field.' });

const refusedKey = fieldErrors.optional().openapi({
  description: 'When a request names several keys, the refused one: `ids.0` is the first.',
});

const extensions: { [code in ProblemCode]?: z.ZodRawShape } = {
  invalid_request: { errors: fieldErrors.optional() },
  not_found: { errors: refusedKey },
  key_deleted: { errors: refusedKey },
  already_done: {
    id: z.uuid().openapi({
      description: 'The key that was minted or rotated. Rotate it to get a new secret.',
    }),
  },
};

/** The problem document (RFC 9457) of each code, for the description. */
export const problemSchemas = Object.fromEntries(
  Object.entries(problemCatalog).map(([name, [status]]) => {
    const code = name as ProblemCode;
    const schema = z
      .strictObject({
        type: z.literal(problemType(code)),
        title: z.string(),
        status: z.literal(status),
        detail: z.string(),
        code: z.literal(code),
        requestId: z.string(),
        ...extensions[code],
      })
      .openapi(componentName(code));
    return [code, schema];
  }),
) as unknown as Record<ProblemCode, z.ZodObject>;

/** `KeyDeletedProblem` for `key_deleted`. */
function componentName(code: string): string {
  const words = code.split('_').map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  return `${words.join('')}Problem`;
}
