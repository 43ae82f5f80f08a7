import fc from 'fast-check';
import { type Description, type Route, resolve } from './description.ts';
import type { Plan } from './plan.ts';
import type { Scene } from './scene.ts';
import { printableText, recordsOf, times, valuesOf } from './valid-values.ts';

const hour = 3_600_000;

/** Rules for fields that their schemas do not express. */
function rules({ owner, other, ownKeys, webhooks }: Scene): Record<string, fc.Arbitrary<unknown>> {
  const now = Date.now();
  return {
    label: fc
      .tuple(printableText(0, 78), fc.constantFrom('', ' ', '\u3000'))
      .map(([text, space]) => `${space}k${text}${space}`),
    tier: fc.constantFrom('developer', 'team', 'enterprise'),
    reason: printableText(1, 500),
    user: fc.constantFrom(owner.id, owner.email, other.email, other.email.toUpperCase()),
    allowedIps: fc.array(
      fc.oneof(
        fc.ipV4(),
        fc.ipV4().map((address) => `${address}/32`),
        fc.nat(255).map((byte) => `${byte}.0.0.0/8`),
        fc.nat(0xffff).map((part) => `2001:db8:${part.toString(16)}::/48`),
      ),
      { maxLength: 50 },
    ),
    expiresAt: fc.option(times(now + hour, Date.UTC(2099, 0))),
    cursor: fc
      .tuple(fc.bigInt(0n, 4_102_444_800_000_000n), fc.uint8Array({ minLength: 16, maxLength: 16 }))
      .map(([moment, id]) => {
        const bytes = Buffer.alloc(24);
        bytes.writeBigInt64BE(moment);
        bytes.set(id, 8);
        return bytes.toString('base64url');
      }),
    period: fc.nat(12).map((back) => {
      const month = new Date(now);
      month.setUTCDate(1);
      month.setUTCMonth(month.getUTCMonth() - back);
      return month.toISOString().slice(0, 7);
    }),
    from: times(now - 20 * 24 * hour, now - 2 * hour),
    to: times(now - hour, now + hour),
    keyId: fc.constantFrom(...ownKeys),
    ids: fc.array(fc.constantFrom(...ownKeys), { minLength: 1, maxLength: 300 }),
    // on a local stack, a webhook's URL may name this machine
    url: fc.constant(`http://127.0.0.1:9/${webhooks.token}`),
    routingKey: fc.constant(webhooks.token),
    types: fc.constant(['webhook.test']),
  };
}

/** Removes parameters that cannot be combined. */
function withoutConflicts(query: Record<string, unknown>): Record<string, unknown> {
  if (query.period !== undefined && (query.from ?? query.to) !== undefined) {
    return withoutConflicts({ ...query, period: undefined });
  }
  const { page, cursor, ...rest } = query;
  if (cursor !== undefined) {
    // each sort has its own cursors
    const { sort: _, ...unsorted } = rest;
    return { ...unsorted, cursor };
  }
  if (page === undefined) return rest;
  // only the newest 10,000 rows have page numbers
  const pages = Math.floor(10_000 / Number(rest.limit ?? 50));
  return { ...rest, page: ((Number(page) - 1) % pages) + 1 };
}

/**
 * A webhook without types would get all alerts of a run, some of them at PagerDuty. A deletion
 * allows no other change.
 */
function withoutClashes(body: unknown) {
  const fields = body as Record<string, unknown>;
  if (Object.hasOwn(fields, 'kind')) return { ...fields, types: ['webhook.test'] };
  return fields.deleted ? { ids: fields.ids, deleted: true } : fields;
}

/** Valid requests for an operation from a permitted caller. */
export function validRequests(
  description: Description,
  { method, path, operation }: Route,
  scene: Scene,
): fc.Arbitrary<Plan> {
  const byName = rules(scene);
  const parametersIn = (place: string) => {
    const found = (operation.parameters ?? []).filter((each) => each.in === place);
    return recordsOf(
      found.map(({ name, schema }) => [name, byName[name] ?? valuesOf(description, schema)]),
      found.filter(({ required }) => required).map(({ name }) => name),
    );
  };
  const content = operation.requestBody?.content['application/json'];
  const bodies = content
    ? valuesOf(description, resolve(description, content.schema), byName)
    : fc.constant({});
  const optional = !operation.requestBody?.required;
  const csv = operation.responses['200']?.content?.['text/csv'];

  return fc
    .record({
      id: path.includes('/webhooks/')
        ? fc.constant(scene.webhooks.idsOf(path).webhook)
        : fc.constantFrom(...scene.ownKeys),
      query: parametersIn('query'),
      headers: parametersIn('header'),
      body: bodies.map(withoutClashes),
      bodiless: fc.constantFrom(method === 'GET', method === 'GET' || optional),
      asCsv: fc.boolean().map((chosen) => chosen && csv !== undefined),
    })
    .map(({ id, query: given, headers, body, bodiless, asCsv }) => {
      const { limit, page, cursor, ...filters } = withoutConflicts(given);
      const pages = asCsv ? {} : { limit, page, cursor };
      const query = Object.entries({ ...filters, ...pages }).filter(([, value]) => {
        return value !== undefined;
      });
      return {
        method,
        path: path.replace('{deliveryId}', scene.webhooks.idsOf(path).delivery),
        id,
        by: path.startsWith('/admin/') ? 'admin' : 'owner',
        query: query.map(([name, value]): [string, string] => [name, String(value)]),
        headers: {
          ...(headers as Record<string, string>),
          ...(asCsv ? { Accept: 'text/csv' } : {}),
          ...(bodiless ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(bodiless ? {} : { body: { json: body } }),
      };
    });
}
