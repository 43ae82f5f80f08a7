import { z } from '@hono/zod-openapi';
import { snakeCase } from './field-names.ts';
import { argumentRules } from './refusals.ts';
import { isStorable } from './storable-text.ts';

/** Text that the database can hold. */
export const text = z.string().refine(isStorable, 'This text has a character that is not allowed.');

export const labelField = text.openapi({
  description: argumentRules.label,
  example: 'prod-scraper',
});

export const tierField = text.openapi({
  description:
    'The name of a tier: developer, team, enterprise, or another that the operator set up.',
  example: 'developer',
});

export const reasonField = text.openapi({
  description: `Why, in words that the owner reads. ${argumentRules.reason}`,
});

/** The user whom an admin means. */
export const userField = text.openapi({
  description: argumentRules.user,
});

/** A limit that an admin sets: null for the tier's. */
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
    description: 'Where the page begins, from the `Link` of the page before it.',
  }),
};

/** Which keys of all users, or of one, a list shows. */
export const keyFilters = {
  active: flag.optional(),
  tier: tierField.optional(),
  liveMode: flag.optional(),
  label: text
    .optional()
    .openapi({ description: 'Contained in the label, in any case of letters.' }),
};

/** In which state keys are. */
export const stateFilter = z
  .enum(['active', 'quota_used_up', 'suspended', 'expired', 'owner_barred', 'deleted', 'undeleted'])
  .openapi({ description: 'A state, or `undeleted` for all but `deleted`.' })
  .optional();

/** How a list of a user's keys is found and sorted. */
export const keyListFields = {
  state: stateFilter,
  search: text
    .optional()
    .openapi({ description: 'Contained in the label, in any case of letters, or in the keyId.' }),
  sort: z
    .enum(['createdAt', 'label', 'lastUsedAt', 'used'].flatMap((by) => [by, `-${by}`] as const))
    .transform(snakeCase)
    .optional()
    .openapi({
      description:
        "By what, with a minus for descending; by default `-createdAt`. `used` is this month's bytes.",
    }),
};

/** From when up to when. */
export const spanFields = {
  from: moment('Not before this time.').optional(),
  to: moment('Before this time.').optional(),
};

export const periodField = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'A month as YYYY-MM.')
  .openapi({ description: 'A calendar month (UTC), up to 13 back; by default this one.' });

/** Which events a list shows. */
export const eventFilters = {
  page: wholeNumber(1, 10_000).optional(),
  ...spanFields,
  statusCode: wholeNumber(100, 999).optional(),
  targetHost: text.openapi({ minLength: 1, maxLength: 255 }).optional(),
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, 'A code of the gateway.')
    .openapi({ example: 'rate_limited' })
    .optional(),
};
