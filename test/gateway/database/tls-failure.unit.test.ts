import { expect, it } from 'vitest';
import { explainDatabaseTls } from '../../../gateway/database/tls-failure.ts';

const coded = (code: string, message = '', more = {}) =>
  Object.assign(new Error(message), { code, ...more });

// tls.test.ts has the errors of a real server
it.each<[unknown, string | undefined]>([
  [coded('SELF_SIGNED_CERT_IN_CHAIN'), 'database_certificate_unknown'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'database_certificate_unknown'],
  [coded('XX000', 'SSL connection is required'), 'database_tls_required'],
  [new Error('There was an error establishing an SSL connection'), 'database_tls_failed'],
  [coded('EPROTO', 'write EPROTO'), 'database_tls_failed'],
  [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'database_tls_failed'],
  [coded('CERT_REVOKED'), 'database_tls_failed'],
  // a failed network or an unreachable database is explained elsewhere
  [
    coded('ECONNRESET', 'Client network socket disconnected before secure TLS connection'),
    undefined,
  ],
  [coded('ECONNREFUSED'), undefined],
  [coded('28P01', 'password authentication failed for user "x"'), undefined],
  [new Error('Connection terminated due to connection timeout'), undefined],
  ['EPROTO', undefined],
  [undefined, undefined],
])('explains %s with %s', (error, code) => {
  const explained = explainDatabaseTls(error);
  expect(explained?.code).toBe(code);
  if (explained) expect(explained.sentence).toMatch(/^[A-Z][^\n]+\.$/);
});

it('keeps text from a server short and printable', () => {
  const subjectaltname = `DNS:\n\x1b[31m${'x'.repeat(10_000)}`;
  const error = coded('ERR_TLS_CERT_ALTNAME_INVALID', '', { host: 'db', cert: { subjectaltname } });
  expect(explainDatabaseTls(error)?.sentence).toMatch(/^[\x20-\x7e]{100,600}$/);
});
