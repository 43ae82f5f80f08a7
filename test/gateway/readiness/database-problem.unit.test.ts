import { describe, expect, it } from 'vitest';
import { explainDatabaseError } from '../../../gateway/readiness/database-problem.ts';
import { schemaProblem } from '../../../gateway/readiness/schema-version.ts';

describe('a database error', () => {
  const secret = 'postgresql://proxy_gateway_eu_1:a-secret@db.example.com';
  it.each([
    ['53300', 'connection_limit'],
    ['28P01', 'login_refused'],
    ['28000', 'login_refused'],
    ['42501', 'login_without_rights'],
    ['25006', 'standby_database'],
    ['3D000', 'database_missing'],
    ['3F000', 'schema_missing'],
    ['42883', 'schema_too_old'],
    ['26000', 'transaction_pool'],
    ['42P05', 'transaction_pool'],
    ['57P01', 'database_away'],
    ['57P03', 'database_away'],
    ['08P01', 'database_away'],
    ['XX000', 'database_error'],
    ['ECONNREFUSED', 'database_away'],
    ['ENOTFOUND', 'database_away'],
    ['EPIPE', 'database_away'],
  ])('%s is %s, with its code and without its message', (code, expected) => {
    const reason = explainDatabaseError(Object.assign(new Error(secret), { code }));
    expect(reason.code).toBe(expected);
    expect(reason.sentence).toContain(code);
    expect(reason.sentence).not.toMatch(/secret|example/);
  });

  it.each([
    [new Error('Query read timeout'), 'database_away'],
    [new Error('Connection terminated unexpectedly'), 'database_away'],
    [new Error(`no range: ${secret}`), 'database_error'],
    [Object.assign(new Error(secret), { code: secret }), 'database_error'],
    [undefined, 'database_error'],
  ])('without a code is classified: %#', (error, expected) => {
    const { code, sentence } = explainDatabaseError(error);
    expect(code).toBe(expected);
    expect(sentence).not.toContain('secret');
  });
});

it('a TLS error has its own code and sentence', () => {
  const error = Object.assign(new Error('a secret word'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  const { code, sentence, level } = explainDatabaseError(error);
  expect([code, level]).toEqual(['database_certificate_unknown', 'error']);
  expect(sentence).not.toContain('secret');
});

describe('the versions of schema and gateway', () => {
  const ours = { gatewayVersion: 5, oldestSchemaVersion: 3 };
  it.each([
    [{ version: 2, oldestGatewayVersion: 1 }, 'schema_too_old'],
    [{ version: 3, oldestGatewayVersion: 1 }, undefined],
    [{ version: 3, oldestGatewayVersion: 5 }, undefined],
    [{ version: 900, oldestGatewayVersion: 5 }, undefined],
    [{ version: 900, oldestGatewayVersion: 6 }, 'gateway_too_old'],
  ])('%o: %s', (schema, expected) => {
    expect(schemaProblem(schema, ours)?.code).toBe(expected);
  });
});
