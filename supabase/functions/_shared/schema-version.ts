// What the functions and the schema agree on, as `proxy_private.schema_version` describes it. Both numbers are
// raised by hand, together with the migration that makes it necessary.

/** The functions' version: the schema names the oldest that it serves. */
const functionsVersion = 1;

/** The oldest version of the schema that these functions work with. */
const oldestSchemaVersion = 1;

/** What `proxy_schema_version` answers. */
export interface SchemaVersion {
  version: number;
  oldestFunctionsVersion: number;
}

/** Schema and functions do not go together: `code` names which is older, `message` the next step. */
export class VersionMismatch extends Error {
  readonly code: 'schema_too_old' | 'functions_too_old';

  constructor(code: VersionMismatch['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Why these functions and a schema do not go together; null where they do, and for one without a version. */
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

/** How long an answer counts, in ms: one that serves, and one that does not. */
const ages = { serves: 60_000, mismatch: 2_000 };

/** Asks for the schema's version beside requests, so that none waits for it. */
export class VersionWatch {
  readonly #ask: (token: string) => Promise<SchemaVersion | null>;
  #mismatch: VersionMismatch | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** `ask`: resolves with null for a schema without a version; rejects where there is no answer. */
  constructor(ask: (token: string) => Promise<SchemaVersion | null>) {
    this.#ask = ask;
  }

  /** What is known of it; asks again with the caller's token where that is old. */
  check(token: string): VersionMismatch | null {
    const age = Date.now() - this.#askedAt;
    if (age > (this.#mismatch ? ages.mismatch : ages.serves)) {
      this.#askedAt = Date.now();
      this.#ask(token).then(
        (schema) => {
          this.#mismatch = versionMismatch(schema);
        },
        // what it was stays known
        () => {},
      );
    }
    return this.#mismatch;
  }
}
