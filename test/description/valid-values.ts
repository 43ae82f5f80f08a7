import fc from 'fast-check';
import { type Description, resolve, type Schema } from './description.ts';

/** Text without control characters, of `least` to `most` characters as the API counts them. */
export function printableText(least: number, most: number): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'grapheme', minLength: least, maxLength: Math.min(most, 40) })
    .map((text) => [...text].slice(0, most).join(''))
    .filter((text) => text.isWellFormed() && [...text.trim()].length >= least);
}

/** Values that a schema accepts. `byName` has values for fields with rules beyond the schema. */
export function valuesOf(
  description: Description,
  schema: Schema,
  byName: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  const known = resolve(description, schema);
  if (known.oneOf) return fc.oneof(...known.oneOf.map((one) => valuesOf(description, one, byName)));
  const types = [known.type ?? []].flat();
  const alternatives = types.map((type) => valuesOfType(description, known, type, byName));
  return known.enum ? fc.constantFrom(...known.enum) : fc.oneof(...alternatives);
}

function valuesOfType(
  description: Description,
  schema: Schema,
  type: string,
  byName: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({
        min: schema.minimum ?? 0,
        max: schema.maximum ?? 2 ** 31 - 1,
      });
    case 'string':
      return textsOf(schema);
    case 'array':
      return fc.array(valuesOf(description, schema.items ?? {}, byName), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, 5),
      });
    case 'object':
      return recordsOf(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [
          name,
          byName[name] ?? valuesOf(description, property, byName),
        ]),
        schema.required ?? [],
      );
    default:
      throw new Error(`there are no values of the type ${type}`);
  }
}

/** Objects with those fields; optional ones are sometimes omitted. */
export function recordsOf(
  fields: [string, fc.Arbitrary<unknown>][],
  required: string[],
): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record(Object.fromEntries(fields), { requiredKeys: required })
    .map((record) => ({ ...record }));
}

function textsOf({ format, pattern, minLength, maxLength }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return times(Date.UTC(2001, 0), Date.UTC(2099, 0));
  if (pattern) return fc.stringMatching(new RegExp(pattern)).filter((text) => text !== '');
  return printableText(minLength ?? 0, maxLength ?? 60);
}

/** RFC 3339 times within a span, written in several ways. */
export function times(from: number, to: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.date({ min: new Date(from), max: new Date(to), noInvalidDate: true }), fc.nat(3))
    .map(([date, form]) => {
      const text = date.toISOString();
      if (form === 1) return text.replace(/\.\d+Z/, 'Z');
      if (form === 2) return text.replace('Z', '456+00:00');
      if (form === 3) return new Date(+date - 19_800_000).toISOString().replace('Z', '-05:30');
      return text;
    });
}
