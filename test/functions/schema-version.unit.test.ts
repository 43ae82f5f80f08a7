import { expect, it } from 'vitest';
import { versionMismatch } from '../../supabase/functions/_shared/schema-version.ts';

const ours = { functionsVersion: 3, oldestSchemaVersion: 2 };

it.each([
  ['without a version', null, 'schema_too_old'],
  ['that is older', { version: 1, oldestFunctionsVersion: 1 }, 'schema_too_old'],
  ['that is as old as may be', { version: 2, oldestFunctionsVersion: 1 }, undefined],
  ['that is newer, and serves us', { version: 9, oldestFunctionsVersion: 3 }, undefined],
  ['that is newer, and does not', { version: 9, oldestFunctionsVersion: 4 }, 'functions_too_old'],
])('functions with a schema %s', (_, schema, code) => {
  expect(versionMismatch(schema, ours)?.code).toBe(code);
});
