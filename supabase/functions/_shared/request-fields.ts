import { z } from '@hono/zod-openapi';
import { snakeCase } from './field-names.ts';
import { argumentRules } from './refusals.ts';
import { isStorable } from './storable-text.ts';

/** Text that the database can store. */
export const text = z
  .string()
  .refine(isStorable, 'This text contains a character that is not allowed.');

export const labelField = text.openapi({
  description: argumentRules.label,
  example: 'prod-scraper',
});

export const tierField = text.openapi({
  description:
    'The name of a tier: developer, team, enterprise, or another tier that the operator added.',
  example: 'developer',
});

export const reasonField = text.openapi({
  description: `The reason, which the owner can read. ${argumentRules.reason}`,
});

/** The user that an admin's request is about. */
export const userField = text.openapi({
  description: argumentRules.user,
});

/** A limit that an admin sets; null restores the tier's. */
export const limitField = (least: number, most: number, description: string) =>
  z.int().min(least).max(most).nullable().optional().openapi({ description });

/** A query parameter that is true or false. */
const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .openapi({ type: 'boolean' });

/** A query parameter that is a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'A whole number.')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `From ${least} to ${most}.`)
    .openapi({ type: 'integer', minimum: least, maximum: most });
}

const moment = (description: string) =>
  z.iso.datetime({ offset: true }).openapi({ format: 'date-time', description });

/** A page of a list. */
export const pageFields = {
  limit: wholeNumber(1, 200).optional(),
  cursor: text.optional().openapi({
    description: 'Where the page starts, from the `Link` header of the previous page.',
  }),
};

/** Filters for a list of keys, of one user or of all. */
export const keyFilters = {
  active: flag.optional(),
  tier: tierField.optional(),
  liveMode: flag.optional(),
  label: text
    .optional()
    .openapi({ description: 'Text that the label contains; case-insensitive.' }),
};

/** Filters keys by state. */
export const stateFilter = z
  .enum(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted', 'undeleted'])
  .openapi({ description: 'A state, or `undeleted` for all but `deleted`.' })
  .optional();

/** Filters and order for a list of a user's keys. */
export const keyListFields = {
  state: stateFilter,
  search: text.optional().openapi({
    description: 'Text that the label contains, case-insensitive, or that the keyId contains.',
  }),
  sort: z
    .enum(['createdAt', 'label', 'lastUsedAt', 'used'].flatMap((by) => [by, `-${by}`] as const))
    .transform(snakeCase)
    .optional()
    .openapi({
      description:
        'The field to sort by, with a minus for descending; `-createdAt` by default. `used` is the ' +
        'bytes used this month.',
    }),
};

/** A span of time. */
export const spanFields = {
  from: moment('The start of the span, inclusive.').optional(),
  to: moment('The end of the span, exclusive.').optional(),
};

export const periodField = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'A month as YYYY-MM.')
  .openapi({
    description: 'A calendar month (UTC), at most 13 months ago; the current month by default.',
  });

/** Filters for a list of events. */
export const eventFilters = {
  page: wholeNumber(1, 10_000).optional(),
  ...spanFields,
  statusCode: wholeNumber(100, 999).optional(),
  targetHost: text.openapi({ minLength: 1, maxLength: 255 }).optional(),
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, "One of the gateway's codes.")
    .openapi({ example: 'rate_limited' })
    .optional(),
};
