// The versions that gateways and the schema agree on, see `proxy_private.schema_version`. Both are
// raised by hand, together with the migration that makes it necessary.

/** This gateway's version: the schema names the oldest version that it serves. */
export const gatewayVersion = 1;

/** The oldest version of the schema that this gateway works with. */
export const oldestSchemaVersion = 1;
