import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type MeasuredRequest,
  measureRequest,
  type ResourceUse,
} from '../../../scripts/bench/edge/measured-function.ts';
import { fillEvents } from '../../support/fill-events.ts';
import { connectOwner, newUser, type Persona } from '../../support/personas.ts';
import { seedKeys } from '../../support/seeded-keys.ts';

// a tenth of what `npm run bench -- --only edge` measures, with bounds that reveal a regression

const stack = inject('stack');
const sql = connectOwner();
/** Of 500 bytes each. */
const events = 100_000;

let user: Persona;
let keyId: string;

beforeAll(async () => {
  user = await newUser();
  const [key] = await seedKeys(sql, user.id, 200);
  keyId = key?.keyId ?? '';
  await fillEvents(sql, key?.id ?? '', events, {
    occurred_at: `now() - n * interval '1 s'`,
    target_host: `repeat('x', 255)`,
    served_by_node_id: `repeat('n', 100)`,
    method: `repeat('M', 20)`,
  });
});

afterAll(() => sql.end());

function measure(path: string, more: Partial<MeasuredRequest> = {}): Promise<ResourceUse> {
  const request = { function: 'api', method: 'GET', token: user.token } as const;
  const headers = { 'Accept-Encoding': 'identity', ...more.headers };
  return measureRequest(stack, { ...request, path, ...more, headers });
}

const exportAll = (more: Partial<MeasuredRequest> = {}) =>
  measure(`/api/v1/proxy/keys/${keyId}/events`, {
    // as browsers ask: the platform's Deno would compress an answer without no-transform
    headers: { Accept: 'text/csv', 'Accept-Encoding': 'gzip, br' },
    ...more,
  });

const growth = ({ idleMegabytes, peakMegabytes }: ResourceUse) => peakMegabytes - idleMegabytes;

// only Linux reports the memory and CPU time of a process
describe.skipIf(process.platform !== 'linux')('a function on the platform', () => {
  it('exports many events while holding only a few parts in memory', async () => {
    const use = await exportAll();
    expect(use.status).toBe(200);
    expect(use.megabytes).toBeGreaterThan(50);
    // about 50, or 190 with everything in memory
    expect(growth(use)).toBeLessThan(100);
    // about 220
    expect(use.cpuMilliseconds).toBeLessThan(1_000);
  });

  it('would exceed that bound if it held the whole export in memory', async () => {
    const entrypoint = fileURLToPath(new URL('./buffering.ts', import.meta.url));
    const use = await exportAll({ entrypoint });
    expect(use.status).toBe(200);
    expect(growth(use)).toBeGreaterThan(100);
  });

  it.each(['/api/v1/proxy/keys', '/api/v1/proxy/usage/keys'])(
    'lists 200 keys: %s',
    async (path) => {
      const use = await measure(path);
      expect(use.status).toBe(200);
      expect(use.megabytes).toBeGreaterThan(0.03);
      // about 7
      expect(growth(use)).toBeLessThan(25);
      // about 20
      expect(use.cpuMilliseconds).toBeLessThan(200);
    },
  );

  it('serves its OpenAPI description, which takes the most code', async () => {
    const use = await measure('/api/v1/openapi.json');
    expect(use.status).toBe(200);
    // about 15
    expect(growth(use)).toBeLessThan(50);
    // about 70
    expect(use.cpuMilliseconds).toBeLessThan(400);
  });
});
