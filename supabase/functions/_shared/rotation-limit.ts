import { z } from '@hono/zod-openapi';

const quota = 5;
const windowSeconds = 60;

/** The limit on rotations as the database holds it (`private.claim_rotation`), for headers. */
export const rotationLimit = {
  quota,
  windowSeconds,
  /**
   * `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10): `left` rotations now, more in
   * `resetSeconds`.
   */
  headers: (left: number, resetSeconds: number): Record<string, string> => ({
    'RateLimit-Policy': `"rotate";q=${quota};w=${windowSeconds}`,
    RateLimit: `"rotate";r=${left};t=${resetSeconds}`,
  }),
};

/** The same headers, for the description. */
export const rotationHeaders = { 'RateLimit-Policy': z.string(), RateLimit: z.string() };
