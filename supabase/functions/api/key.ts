import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { declarePath } from '../_shared/declare-path.ts';
import { toArguments } from '../_shared/field-names.ts';
import { idempotencyKeyOf } from '../_shared/idempotency-key.ts';
import { keyDetail, mintedKey, rotateBody, updateBody } from '../_shared/key-schemas.ts';
import { operation } from '../_shared/operation.ts';
import { type Dependencies, keyReference, type ServiceEnv } from '../_shared/service.ts';

const oneKey = { 'application/json': z.strictObject({ key: keyDetail.answer }) };

/** `/api/v1/proxy/keys/{id}`: read, change, delete and rotate one key. */
export function declareKey(app: OpenAPIHono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;
  declarePath(app, dependencies, '/api/v1/proxy/keys/{id}', {
    get: operation({
      operationId: 'getKey',
      summary: 'One key',
      tag: 'Keys',
      success: { status: 200, description: 'The key. Never a secret.', content: oneKey },
      problems: [],
      handle: async ({ context, caller }) => {
        const row = await callDatabase(caller, 'get_proxy_key', { id: keyReference(context) });
        return context.json({ key: keyDetail.read(row) });
      },
    }),
    patch: operation({
      operationId: 'updateKey',
      summary: "Change a key's label, clients or expiry",
      description:
        'What the body leaves out stays. A client whose address is not in `allowedIps` is refused by ' +
        'the gateway (403); an expired key is refused (407) and inactive until it gets another expiry.',
      tag: 'Keys',
      body: updateBody,
      success: { status: 200, description: 'The key as it is now.', content: oneKey },
      problems: ['key_deleted'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'update_proxy_key', {
          id: keyReference(context),
          changes: toArguments(body) as Record<string, string>,
        });
        return context.json({ key: keyDetail.read(row) });
      },
    }),
    delete: operation({
      operationId: 'deleteKey',
      summary: 'Take a key out of service',
      description: 'At once, and for good but for an admin. Its row and usage stay.',
      tag: 'Keys',
      success: { status: 204, description: 'Deleted, or deleted before.' },
      problems: [],
      handle: async ({ context, caller }) => {
        await callDatabase(caller, 'delete_proxy_key', { id: keyReference(context) });
        return context.body(null, 204);
      },
    }),
  });

  declarePath(app, dependencies, '/api/v1/proxy/keys/{id}/rotate', {
    post: operation({
      operationId: 'rotateKey',
      summary: 'A new secret for the same keyId',
      description:
        'The secret before is refused at once, or after `graceSeconds`; a later rotation or deletion ' +
        'ends that grace.',
      tag: 'Keys',
      body: rotateBody,
      bodyOptional: true,
      retried: true,
      success: {
        status: 200,
        description: 'The key, with its new secret.',
        content: { 'application/json': z.strictObject({ key: mintedKey.answer }) },
      },
      problems: ['key_deleted', 'key_suspended', 'key_expired'],
      handle: async ({ context, caller, body }) => {
        const row = await callDatabase(caller, 'rotate_proxy_key', {
          id: keyReference(context),
          ...toArguments({ ...body, idempotencyKey: idempotencyKeyOf(context) }),
        });
        return context.json({ key: mintedKey.read(row) });
      },
    }),
  });
}
