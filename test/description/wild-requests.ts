import fc from 'fast-check';
import type { Route } from './description.ts';
import type { Plan } from './plan.ts';
import type { Scene } from './scene.ts';

type Change = fc.Arbitrary<(plan: Plan) => Plan>;

/** Any text that a header can carry. */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const anyText = fc.string({ unit: 'binary', maxLength: 30 });

/** Requests with arbitrary content: all that is known is that they must not cause a 5xx. */
export function wildRequests(
  { operation }: Route,
  valid: fc.Arbitrary<Plan>,
  scene: Scene,
): fc.Arbitrary<Plan> {
  const names = (operation.parameters ?? []).map(({ name }) => name);
  const change = fc.oneof(
    anyMethod,
    anyPrefix,
    anyone(scene),
    anyId(scene),
    anyQuery(names),
    anyHeaders,
    anyBody,
  );
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([plan, changes]) => sendable(changes.reduce((changed, by) => by(changed), plan)));
}

/** `fetch` does not send a body with GET or HEAD. */
function sendable(plan: Plan): Plan {
  const { body, ...bodiless } = plan;
  return ['GET', 'HEAD'].includes(plan.method) ? bodiless : plan;
}

const anyMethod: Change = fc
  .constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY')
  .map((method) => (plan) => ({ ...plan, method }));

const anyPrefix: Change = fc.constant((plan) => ({
  ...plan,
  path: plan.path.startsWith('/functions/v1') ? plan.path : `/functions/v1${plan.path}`,
}));

function anyone(scene: Scene): Change {
  return fc
    .oneof(fc.constantFrom(...Object.keys(scene.authorizations)), headerText)
    .map((by) => (plan) => ({ ...plan, by }));
}

function anyId({ ownKeys, othersKeys }: Scene): Change {
  const encoded = anyText.map((text) => encodeURIComponent(text.toWellFormed()));
  const oddlyEncoded = fc
    .array(fc.constantFrom('%', '%2', '%00', '%2F', '%ff', '%C3', '%5c', ';', '@', '+', '%252e'), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join(''));
  return fc
    .oneof(fc.constantFrom(...ownKeys, ...othersKeys), encoded, oddlyEncoded)
    .map((id) => (plan) => ({ ...plan, id }));
}

function anyQuery(names: string[]): Change {
  const name = fc.oneof(
    fc.constantFrom('apikey', 'forceFunctionRegion', '__proto__', ...names),
    anyText,
  );
  const value = fc.oneof(anyText, fc.constantFrom('', '0', '-1', '1e999', 'null', '\0', '%', '[]'));
  return fc
    .array(fc.tuple(name, value), { minLength: 1, maxLength: 4 })
    .map((pairs) => (plan) => ({ ...plan, query: [...plan.query, ...pairs] }));
}

const anyHeaders: Change = fc
  .dictionary(
    fc.constantFrom(
      'Accept',
      'Accept-Encoding',
      'Accept-Language',
      'Content-Encoding',
      'Content-Type',
      'Idempotency-Key',
      'If-None-Match',
      'Origin',
      'Prefer',
      'Range',
      'X-HTTP-Method-Override',
      'X-Request-Id',
      'apikey',
    ),
    fc.oneof(
      headerText,
      fc.constantFrom('text/csv', '*/*', 'text/csv;q=0', 'application/json;q=0.1, text/csv', ','),
      fc.constantFrom('application/json', 'application/json; charset=utf-16', 'bytes=0-1', '*'),
    ),
    { minKeys: 1, maxKeys: 4, noNullPrototype: true },
  )
  .map((headers) => (plan) => ({ ...plan, headers: { ...plan.headers, ...headers } }));

const anyBody: Change = fc
  .oneof(
    fc.jsonValue().map((json) => ({ json })),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => ({ bytes: Uint8Array.from(bytes) })),
    fc
      .dictionary(
        fc.constantFrom('label', 'tier', 'liveMode', 'allowedIps', 'expiresAt', 'reason', 'user'),
        fc.oneof(fc.jsonValue(), anyText, fc.double(), fc.maxSafeInteger()),
        { noNullPrototype: true },
      )
      .map((json) => ({ json })),
    fc.constantFrom(1_000, 16_384, 16_385).map((size) => ({ json: '['.repeat(size - 2) })),
    fc.nat(8_000).map((depth) => ({
      bytes: new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth)),
    })),
  )
  .map((body) => (plan) => ({ ...plan, body }));
