/** Why a database cannot be used: a stable code, and a sentence with the cause and the next step. */
export interface DatabaseFailure {
  code: string;
  sentence: string;
}

/** OpenSSL's codes for a chain that does not end in a trusted CA. */
const unknownIssuer = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
]);

/** The names in a certificate are the server's text: they are cut to this many characters. */
const longestNames = 200;

/**
 * Explains a Postgres connection error that TLS, or its absence, caused; null for any other error.
 * Pure; the text never has a URL.
 */
export function explainDatabaseTls(error: unknown): DatabaseFailure | null {
  if (!(error instanceof Error)) return null;
  const { message } = error;
  const code = String((error as { code?: unknown }).code ?? '');
  if (unknownIssuer.has(code)) {
    return {
      code: 'database_certificate_unknown',
      sentence:
        "No CA known here signed the database's certificate: download the platform's CA (on Supabase, from the dashboard's database settings, under SSL Configuration), and append ?sslrootcert=/path/prod-ca-2021.crt to the database's URL.",
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { host, cert } = error as { host?: string; cert?: { subjectaltname?: string } };
    const names = cert?.subjectaltname?.replace(/[^\x20-\x7e]/g, '?').slice(0, longestNames);
    return {
      code: 'database_certificate_name',
      sentence: `The database's certificate is for ${names ?? 'no name'}, not for ${host}: use one of its names in the database's URL, or set sslmode=verify-ca, with the CA's file in sslrootcert.`,
    };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return {
      code: 'database_certificate_expired',
      sentence:
        "The database's certificate, or its CA's, has expired: renew it on the server, download the platform's newer CA for sslrootcert, or correct this machine's clock if it is ahead.",
    };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return {
      code: 'database_certificate_not_yet_valid',
      sentence:
        "The database's certificate, or its CA's, is not valid yet: correct this machine's clock if it is behind, or replace the certificate on the server.",
    };
  }
  if (message === noTls) {
    return {
      code: 'database_tls_unsupported',
      sentence:
        "The database server does not support TLS: turn it on there (ssl = on), or, on a private network, append ?sslmode=disable to the database's URL.",
    };
  }
  if (/, no encryption$|^SSL connection is required/.test(message)) {
    return {
      code: 'database_tls_required',
      sentence:
        "The database server refuses this login in clear text: append ?sslmode=verify-full to the database's URL, or put it in place of sslmode=disable.",
    };
  }
  if (
    /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|INVALID_PURPOSE)/.test(code) ||
    message === noAnswer
  ) {
    return {
      code: 'database_tls_failed',
      sentence: `TLS with the database failed (${code || 'no answer to the request for it'}): see the server's log, and check that the host and port in the database's URL are those of Postgres.`,
    };
  }
  return null;
}

/** The error of `pg` if a server refuses TLS. */
export const noTls = 'The server does not support SSL connections';
/** The error of `pg` if a server neither accepts nor refuses TLS. */
export const noAnswer = 'There was an error establishing an SSL connection';
