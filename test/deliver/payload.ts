import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Description } from '../description/description.ts';

/** Returns the differences between a generic webhook's payload and the API description. */
export function checkPayload(description: Description): (payload: unknown) => string[] {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strict: true });
  ajv.addVocabulary(['discriminator', 'example', ...Object.keys(description)]);
  addFormats.default(ajv);
  ajv.addSchema(description, 'description');
  const place = 'webhooks/alert/post/requestBody/content/application~1json/schema';
  const check = ajv.getSchema(`description#/${place}`);
  if (!check) throw new Error(`the description has no schema at ${place}`);
  return (payload) =>
    check(payload)
      ? []
      : (check.errors ?? []).map(
          ({ instancePath, message, params }) =>
            `${instancePath} ${message} ${JSON.stringify(params)}`,
        );
}
