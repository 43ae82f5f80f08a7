import type { Hono } from 'hono';
import { z } from 'zod';
import { readBody, refuseFields } from '../_shared/body.ts';
import { keySummary, mintBody, mintedKey } from '../_shared/key-schemas.ts';
import { rotationLimit } from '../_shared/rotation-limit.ts';
import {
  type Dependencies,
  declareResource,
  keyReference,
  requireCaller,
  type ServiceEnv,
} from '../_shared/service.ts';

const keyList = z.array(keySummary);
const rotationsLeft = z.object({
  rotations_left: z.number(),
  rotations_reset_seconds: z.number(),
});

/** Mint, list, rotate and delete: `/api/v1/proxy/keys`. */
export function declareKeys(app: Hono<ServiceEnv>, dependencies: Dependencies): void {
  const { callDatabase } = dependencies;

  declareResource(app, '/api/v1/proxy/keys', {
    GET: async (context) => {
      const caller = await requireCaller(dependencies, context);
      return context.json(keyList.parse(await callDatabase(caller, 'list_proxy_keys')));
    },
    POST: async (context) => {
      const caller = await requireCaller(dependencies, context);
      const { label, tier, liveMode } = await readBody(context, mintBody);
      const row = await callDatabase(caller, 'mint_proxy_key', {
        label,
        ...(tier === undefined ? {} : { tier }),
        ...(liveMode === undefined ? {} : { live_mode: liveMode }),
      });
      return context.json({ key: mintedKey.parse(row) }, 201);
    },
  });

  declareResource(app, '/api/v1/proxy/keys/:id/rotate', {
    POST: async (context) => {
      const caller = await requireCaller(dependencies, context);
      await refuseFields(context);
      const row = await callDatabase(caller, 'rotate_proxy_key', { id: keyReference(context) });
      const left = rotationsLeft.parse(row);
      const headers = rotationLimit.headers(left.rotations_left, left.rotations_reset_seconds);
      return context.json({ key: mintedKey.parse(row) }, 200, headers);
    },
  });

  declareResource(app, '/api/v1/proxy/keys/:id', {
    DELETE: async (context) => {
      const caller = await requireCaller(dependencies, context);
      await refuseFields(context);
      await callDatabase(caller, 'delete_proxy_key', { id: keyReference(context) });
      return context.body(null, 204);
    },
  });
}
