// The versions by which functions and schema check that they are compatible: see `proxy_private.schema_version`.
// Raise both numbers by hand, together with the migration that requires it.

/** The functions' version. The schema names the oldest one that it supports. */
const functionsVersion = 1;

/** The oldest version of the schema that these functions work with. */
const oldestSchemaVersion = 1;

/** The result of `proxy_schema_version`. */
export interface SchemaVersion {
  version: number;
  oldestFunctionsVersion: number;
}

/** Schema and functions are incompatible: `code` names the older one, `message` the next step. */
export class VersionMismatch extends Error {
  readonly code: 'schema_too_old' | 'functions_too_old';

  constructor(code: VersionMismatch['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Why functions and schema are incompatible; null if they are compatible. A null `schema` has no version. */
export function versionMismatch(
  schema: SchemaVersion | null,
  ours = { functionsVersion, oldestSchemaVersion },
): VersionMismatch | null {
  if (schema === null || schema.version < ours.oldestSchemaVersion) {
    return new VersionMismatch(
      'schema_too_old',
      'apply the migrations that came with these functions: supabase db push',
    );
  }
  if (schema.oldestFunctionsVersion > ours.functionsVersion) {
    return new VersionMismatch(
      'functions_too_old',
      'deploy the functions that came with the migrations: supabase functions deploy',
    );
  }
  return null;
}

/** How long a result stays fresh, in ms: a compatible one, and a mismatch. */
const ages = { serves: 60_000, mismatch: 2_000 };

/** Asks for the schema's version in the background, so that no request waits for it. */
export class VersionWatch {
  readonly #ask: (token: string) => Promise<SchemaVersion | null>;
  #mismatch: VersionMismatch | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** `ask` resolves to null for a schema without a version, and rejects if the database does not respond. */
  constructor(ask: (token: string) => Promise<SchemaVersion | null>) {
    this.#ask = ask;
  }

  /** The last known result; if it is stale, asks again with the caller's token. */
  check(token: string): VersionMismatch | null {
    const age = Date.now() - this.#askedAt;
    if (age > (this.#mismatch ? ages.mismatch : ages.serves)) {
      this.#askedAt = Date.now();
      this.#ask(token).then(
        (schema) => {
          this.#mismatch = versionMismatch(schema);
        },
        // keeps the last known result
        () => {},
      );
    }
    return this.#mismatch;
  }
}
