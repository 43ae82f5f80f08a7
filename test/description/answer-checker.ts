import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type DescribedAnswer, type Description, matcherOf } from './description.ts';
import { isGatewayAnswer } from './gateway-answer.ts';
import { mediaTypeOf, undescribedProblem } from './undescribed-problem.ts';

/** An answer and its request. */
export interface Answer {
  method: string;
  /** As it was sent, without the query and without `/functions/v1`. */
  path: string;
  status: number;
  headers: Headers;
  /** Null if it was not read. */
  body: string | null;
}

/** Lists how an answer deviates from the description; empty if it does not. */
export type CheckAnswer = (answer: Answer) => string[];

/** Headers that an answer may carry only if the description declares them. */
const telltaleHeaders = [
  'Accept-Encoding',
  'Allow',
  'Content-Disposition',
  'Link',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
];

export function createAnswerChecker(description: Description): CheckAnswer {
  const paths = Object.entries(description.paths).map(([template, operations]) => ({
    template,
    operations,
    pattern: matcherOf(template),
  }));
  const validate = createValidator(description);

  function checkDescribed(answer: Answer, method: string, template: string): string[] {
    const pointer = ['paths', template, method, 'responses', String(answer.status)];
    const described = description.paths[template]?.[method]?.responses[answer.status];
    if (!described) return ['the status is not declared'];
    return [
      ...checkHeaders(answer.headers, described, pointer),
      ...checkBody(answer, described, pointer),
    ];
  }

  function checkHeaders(headers: Headers, described: DescribedAnswer, at: string[]): string[] {
    const declared = Object.entries(described.headers ?? {});
    const names = new Set(declared.map(([name]) => name));
    return [
      ...declared.flatMap(([name, { required }]) => {
        const value = headers.get(name);
        if (value === null) return required ? [`${name} is missing`] : [];
        return validate([...at, 'headers', name, 'schema'], value, name);
      }),
      ...telltaleHeaders
        .filter((name) => headers.has(name) && !names.has(name))
        .map((name) => `${name} is not declared`),
    ];
  }

  function checkBody(answer: Answer, described: DescribedAnswer, at: string[]): string[] {
    const { headers, body } = answer;
    const type = mediaTypeOf(headers);
    const bodiless = answer.method === 'HEAD' || !described.content;
    const deviations = bodiless && body ? ['there is a body'] : [];
    if (!described.content) {
      return type === null ? deviations : [...deviations, `${type} is not declared`];
    }
    if (type === null || !described.content[type]) {
      return [...deviations, `${type ?? 'no Content-Type'} is not declared`];
    }
    if (bodiless || body === null || !/[/+]json$/.test(type)) return deviations;
    const value = parseJson(body);
    if (value === undefined) return ['the body is not JSON'];
    return [
      ...validate([...at, 'content', type, 'schema'], value, 'body'),
      ...checkRequestId(value, headers),
    ];
  }

  return (answer) => {
    if (isGatewayAnswer(answer)) return [];
    const path = decode(answer.path);
    const found = paths.find(({ pattern }) => pattern.test(path));
    if (answer.method === 'OPTIONS') return checkPreflight(answer);
    if (!found) return undescribedProblem(answer, 404, 'not_found');
    const method = answer.method === 'HEAD' ? 'get' : answer.method.toLowerCase();
    if (found.operations[method]) return checkDescribed(answer, method, found.template);
    const allowed = Object.keys(found.operations).flatMap((name) =>
      name === 'get' ? ['GET', 'HEAD'] : [name.toUpperCase()],
    );
    return undescribedProblem(answer, 405, 'method_not_allowed', allowed);
  };
}

/** Validates a value by the schema at a place in the description. */
function createValidator(description: Description) {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strict: true });
  // the description is not a schema, but contains schemas
  ajv.addVocabulary(['discriminator', 'example', ...Object.keys(description)]);
  addFormats.default(ajv);
  ajv.addSchema(description, 'description');
  return (place: string[], value: unknown, name: string): string[] => {
    const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const check = ajv.getSchema(`description#/${encodeURI(pointer)}`);
    if (!check) throw new Error(`the description has no schema at ${pointer}`);
    if (check(value)) return [];
    return (check.errors ?? []).map(({ instancePath, message, params }) => {
      return `${name}${instancePath} ${message} ${JSON.stringify(params)}`;
    });
  };
}

/** The request id in a problem document must match the header. */
function checkRequestId(value: unknown, headers: Headers): string[] {
  if (typeof value !== 'object' || value === null || !('requestId' in value)) return [];
  return value.requestId === headers.get('X-Request-Id')
    ? []
    : ['requestId is not the X-Request-Id'];
}

function checkPreflight({ status, headers, body }: Answer): string[] {
  return [
    ...(status === 204 ? [] : ['a preflight is not answered 204']),
    ...(body ? ['a preflight is answered with a body'] : []),
    ...(headers.get('Access-Control-Allow-Origin') === '*' ? [] : ['a preflight is refused']),
    ...telltaleHeaders.filter((name) => headers.has(name)).map((name) => `${name} is not declared`),
  ];
}

/** Decodes a path like the router: `%2F` stays, and so does invalid UTF-8. */
function decode(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURI(encoded);
    } catch {
      return encoded;
    }
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
