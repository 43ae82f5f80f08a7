import { expect, it } from 'vitest';
import { versionMismatch } from '../../supabase/functions/_shared/schema-version.ts';

const ours = { functionsVersion: 3, oldestSchemaVersion: 2 };

it.each([
  ['without a version', null, 'schema_too_old'],
  ['that is too old', { version: 1, oldestFunctionsVersion: 1 }, 'schema_too_old'],
  ['that is the oldest supported', { version: 2, oldestFunctionsVersion: 1 }, undefined],
  ['that is newer, and supports us', { version: 9, oldestFunctionsVersion: 3 }, undefined],
  [
    'that is newer, and does not support us',
    { version: 9, oldestFunctionsVersion: 4 },
    'functions_too_old',
  ],
])('functions recognize a schema %s', (_, schema, code) => {
  expect(versionMismatch(schema, ours)?.code).toBe(code);
});
