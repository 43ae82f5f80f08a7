/** Why a database cannot be used: a stable code, and a sentence with the cause and the next step. */
export interface DatabaseFailure {
  code: string;
  sentence: string;
}

/** Codes of OpenSSL for a chain that ends in no CA that is trusted. */
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

/** Names of a server's certificate are the server's own words: this many characters of them, at most. */
const longestNames = 200;

/**
 * Explains an error of a connection to Postgres where TLS, or its absence, is the cause; null for any
 * other. Pure, and never with a URL.
 */
export function explainDatabaseTls(error: unknown): DatabaseFailure | null {
  if (!(error instanceof Error)) return null;
  const { message } = error;
  const code = String((error as { code?: unknown }).code ?? '');
  if (unknownIssuer.has(code)) {
    return {
      code: 'database_certificate_unknown',
      sentence:
        "The database's certificate is signed by no CA that is known here: download the platform's CA (on Supabase in the dashboard's database settings, under SSL Configuration), and append ?sslrootcert=/path/prod-ca-2021.crt to the database's URL.",
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { host, cert } = error as { host?: string; cert?: { subjectaltname?: string } };
    const names = cert?.subjectaltname?.replace(/[^\x20-\x7e]/g, '?').slice(0, longestNames);
    return {
      code: 'database_certificate_name',
      sentence: `The database's certificate is for ${names ?? 'no name'}, and not for ${host}: write a name that it has in the database's URL, or, with the CA's file in sslrootcert, sslmode=verify-ca.`,
    };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return {
      code: 'database_certificate_expired',
      sentence:
        "The database's certificate, or its CA's, has expired: renew it on the server, download the platform's newer CA for sslrootcert, or set this machine's clock if that is ahead.",
    };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return {
      code: 'database_certificate_not_yet_valid',
      sentence:
        "The database's certificate, or its CA's, is not valid yet: set this machine's clock if that is behind, or replace the certificate on the server.",
    };
  }
  if (message === noTls) {
    return {
      code: 'database_tls_unsupported',
      sentence:
        "The database's server speaks no TLS: switch it on there (ssl = on), or, where nobody else is on the network between, append ?sslmode=disable to the database's URL.",
    };
  }
  if (/, no encryption$|^SSL connection is required/.test(message)) {
    return {
      code: 'database_tls_required',
      sentence:
        "The database's server refuses this login in clear text: append ?sslmode=verify-full to the database's URL, in place of sslmode=disable if that is there.",
    };
  }
  if (
    /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|INVALID_PURPOSE)/.test(code) ||
    message === noAnswer
  ) {
    return {
      code: 'database_tls_failed',
      sentence: `TLS with the database failed (${code || 'no answer to the request for it'}): the server's log says why; check that host and port in the database's URL are Postgres's.`,
    };
  }
  return null;
}

/** What `pg` says of a server that answers a request for TLS with no. */
export const noTls = 'The server does not support SSL connections';
/** What `pg` says of a server that answers it with neither yes nor no. */
export const noAnswer = 'There was an error establishing an SSL connection';
