import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import {
  type Description,
  type Parameter,
  type Route,
  resolve,
  type Schema,
} from './description.ts';
import type { Plan } from './plan.ts';

/** A request with one fault, and the status that it must get. */
export interface InvalidPlan extends Plan {
  status: number;
}

type Mutation = fc.Arbitrary<(plan: Plan) => InvalidPlan>;

/** Puts one fault into valid requests. */
export function invalidRequests(
  description: Description,
  { method, path, operation }: Route,
  valid: fc.Arbitrary<Plan>,
): fc.Arbitrary<InvalidPlan> | null {
  const parameters = operation.parameters ?? [];
  const query = parameters.filter((each) => each.in === 'query');
  const content = operation.requestBody?.content['application/json'];
  const mutations = [
    ...(path.includes('{id}') ? [unknownIds] : []),
    ...(query.length > 0 ? [unknownParameters, ...query.flatMap(badParameters)] : []),
    ...(parameters.some(({ name }) => name === 'Idempotency-Key') ? [badIdempotencyKeys] : []),
    ...(content ? badBodies(commonParts(description, content.schema)) : []),
    ...(method === 'GET' ? [] : [...noJson, tooLarge]),
  ];
  if (mutations.length === 0) return null;
  return fc.tuple(valid, fc.oneof(...mutations)).map(([plan, mutate]) => mutate(plan));
}

const unknownIds: Mutation = fc
  .oneof(
    fc.uuid(),
    fc.stringMatching(/^avp_(live|test)_[0-9a-f]{12}$/),
    fc.constantFrom('x', '%00', '%ff', '%ZZ', '%', '%2F..%2F', '%25', 'null', '*', "'or'1'='1"),
    fc.constantFrom('%ED%A0%80', '%F0%9F%94%91', '%0A', '%3F', '%23', 'x'.repeat(5_000), '{id}'),
  )
  .map((id) => (plan) => ({ ...plan, id, status: 404 }));

const unknownParameters: Mutation = fc
  .constantFrom('x', 'Limit', 'limit[]', ' limit', 'user_id', 'toString', 'constructor')
  .map((name) => (plan) => ({ ...plan, query: [...plan.query, [name, '1']], status: 400 }));

function withParameter(plan: Plan, name: string, values: string[]): InvalidPlan {
  const others = plan.query.filter(([other]) => other !== name);
  const given = values.map((value): [string, string] => [name, value]);
  return { ...plan, query: [...others, ...given], status: 400 };
}

function badParameters({ name, required, schema }: Parameter): Mutation[] {
  const bad = badTexts(name, schema);
  return [
    fc.constant((plan) => withParameter(plan, name, ['1', '1'])),
    ...(required ? [fc.constant((plan: Plan) => withParameter(plan, name, []))] : []),
    fc.constantFrom(...bad).map((value) => (plan: Plan) => withParameter(plan, name, [value])),
  ];
}

function badTexts(name: string, schema: Schema): string[] {
  const { type, format, pattern, minimum = 0, maximum = 0 } = schema;
  if (schema.enum) return ['', 'week', 'HOUR', 'hour '];
  if (type === 'boolean') return ['', '1', 'TRUE', 'yes', 'null', 'true '];
  if (type === 'integer') {
    const outside = [minimum - 1, maximum + 1, 2 ** 31, 1e300, -1].map(String);
    return [...outside, '', ' 1', '1.0', '1e1', '0x1', '+1', '٣', 'NaN', '9'.repeat(30), '\0'];
  }
  if (format === 'date-time') {
    return ['', 'now', '2026-01-01', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', 'infinity'];
  }
  if (pattern) return ['', '2026-1', '2026-13', '0000-01', '9999-12', '2000-01', '2026-01\n'];
  if (name === 'cursor') return ['', 'x', '='.repeat(32), 'z'.repeat(32), '\0'.repeat(32)];
  if (name === 'tier') return ['', 'Developer', 'nope', '\0', 'x'.repeat(2_000)];
  return ['\0', 'a\0b'];
}

const badIdempotencyKeys: Mutation = fc
  .constantFrom('', 'two words', 'x'.repeat(256), 'é', 'tab\tin it')
  .map((key) => (plan) => ({
    ...plan,
    headers: { ...plan.headers, 'Idempotency-Key': key },
    status: 400,
  }));

function withBody(plan: Plan, body: NonNullable<Plan['body']>, status = 400): InvalidPlan {
  return {
    ...plan,
    headers: { ...plan.headers, 'Content-Type': 'application/json' },
    body,
    status,
  };
}

/** The valid fields of a plan's body, to which a fault is added. */
function fieldsOf(plan: Plan): object {
  return plan.body && 'json' in plan.body ? (plan.body.json as object) : {};
}

/** A schema, or the common fields of its alternatives. */
function commonParts(description: Description, schema: Schema): Schema {
  const known = resolve(description, schema);
  if (!known.oneOf) return known;
  const [first = {}, ...others] = known.oneOf.map((one) => resolve(description, one));
  const properties = Object.entries(first.properties ?? {}).filter(([name]) =>
    others.every((other) => Object.hasOwn(other.properties ?? {}, name)),
  );
  return {
    properties: Object.fromEntries(properties),
    required: properties.map(([name]) => name).filter((name) => first.required?.includes(name)),
  };
}

function badBodies(schema: Schema): Mutation[] {
  const properties = Object.entries(schema.properties ?? {});
  const required = schema.required ?? [];
  const withField = (plan: Plan, name: string, value: unknown) =>
    withBody(plan, { json: { ...fieldsOf(plan), [name]: value } });
  return [
    fc
      .tuple(fc.constantFrom('x', 'Label', 'user_id', 'toString', '__proto__', ''), fc.jsonValue())
      .map(
        ([name, value]) =>
          (plan) =>
            withField(plan, name, value),
      ),
    fc
      .constantFrom(null, [], [{}], 'text', 1, true, [[[]]])
      .map((json) => (plan) => withBody(plan, { json })),
    ...required.map(
      (name): Mutation =>
        fc.constant((plan) => {
          const rest = Object.entries(fieldsOf(plan)).filter(([field]) => field !== name);
          return withBody(plan, { json: Object.fromEntries(rest) });
        }),
    ),
    ...properties.map(
      ([name, property]): Mutation =>
        fc
          .constantFrom(...badValues(property))
          .map((value) => (plan) => withField(plan, name, value)),
    ),
    // a text that names no user gets 404, whatever it is
    ...properties
      .filter(([name]) => name === 'user')
      .map(
        ([name]): Mutation =>
          fc
            .constantFrom('', 'nobody', 'x'.repeat(1_000), 'a\u0007b', randomUUID())
            .map((value) => (plan) => ({ ...withField(plan, name, value), status: 404 })),
      ),
  ];
}

/** The maximum length of a user's name in the description. */
const longestUser = 320;

function badValues(schema: Schema): unknown[] {
  const types = [schema.type ?? []].flat();
  const { minimum, maximum, maxItems, minLength = 0, maxLength = 0 } = schema;
  const isWritten = minLength === 1 && maxLength !== longestUser;
  const others: [type: string, values: unknown[]][] = [
    ['null', [null]],
    ['boolean', [true, false]],
    ['integer', [0.5, 1e300, -1e300, 2 ** 53]],
    ['string', ['1', 'text']],
    ['array', [[], ['x']]],
    ['object', [{}, { x: 1 }]],
  ];
  return [
    ...others.filter(([type]) => !types.includes(type)).flatMap(([, values]) => values),
    ...(types.includes('integer') ? [0.5, 1e300, -1e300, 2 ** 53, 2 ** 64] : []),
    ...(minimum === undefined ? [] : [minimum - 1, -(2 ** 31), -(2 ** 63)]),
    ...(maximum === undefined ? [] : [maximum + 1, 2 ** 31, 2 ** 32 + 1]),
    ...(types.includes('string') ? ['a\0b', '\ud800', 'x\udc00y'] : []),
    // free text never allows control characters
    ...(isWritten ? ['', `x${'y'.repeat(maxLength)}`, 'a\u0007b'] : []),
    ...(maxItems === undefined ? [] : [Array.from({ length: maxItems + 1 }, () => '192.0.2.1')]),
    ...(types.includes('array') ? [[1], [null], ['a\0'], ['\ud800'], ['10.0.0.1/8'], ['x']] : []),
    ...(schema.format === 'date-time' ? ['', 'now', '2020-01-01T00:00:00Z', '2026-13-01'] : []),
  ];
}

const encoder = new TextEncoder();

const noJson: Mutation[] = [
  fc
    .constantFrom('{', '{"label":}', 'nope', "{'a':1}", '{"a":1}}', '[1,]', '{}{}', '\0', '  ')
    .map((text) => (plan) => withBody(plan, { bytes: encoder.encode(text) })),
  fc
    .constantFrom([0xff], [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d], [0xfe, 0xff, 0, 0x7b])
    .map((bytes) => (plan) => withBody(plan, { bytes: Uint8Array.from(bytes) })),
  fc
    .constantFrom(
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'application/problem+json',
      'text/json',
      'json',
    )
    .map((type) => (plan) => {
      const invalid = withBody(plan, { json: fieldsOf(plan) }, 415);
      return { ...invalid, headers: { ...invalid.headers, 'Content-Type': type } };
    }),
];

const tooLarge: Mutation = fc.nat(20_000).map((more) => (plan) => {
  const text = JSON.stringify(fieldsOf(plan));
  return withBody(plan, { bytes: encoder.encode(text + ' '.repeat(16_385 + more)) }, 413);
});
