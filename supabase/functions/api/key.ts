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
      summary: 'Get a key',
      tag: 'Keys',
      success: { status: 200, description: 'The key, without its secret.', content: oneKey },
      problems: [],
      handle: async ({ context, caller }) => {
        const row = await callDatabase(caller, 'get_proxy_key', { id: keyReference(context) });
        return context.json({ key: keyDetail.read(row) });
      },
    }),
    patch: operation({
      operationId: 'updateKey',
      summary: "Change a key's label, allowed IPs or expiry",
      description:
        'Fields that the body omits are unchanged. The gateway refuses a client whose address is not in ' +
        '`allowedIps` (403), and an expired key (407), which is inactive until it gets a new expiry.',
      tag: 'Keys',
      body: updateBody,
      success: { status: 200, description: 'The updated key.', content: oneKey },
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
      summary: 'Delete a key',
      description:
        'Takes the key out of service at once. Only an admin can reactivate it. Its row and usage are ' +
        'kept.',
      tag: 'Keys',
      success: { status: 204, description: 'Deleted, now or earlier.' },
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
      summary: "Rotate a key's secret",
      description:
        'Returns a new secret for the same keyId. The old secret is refused at once, or after ' +
        '`graceSeconds`. A later rotation or deletion ends this grace period.',
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
