import type { Reason } from './reason.ts';
import { type DatabaseState, schemaProblem } from './schema-version.ts';

/** The last known state of the schema; it stays while the database is away. */
export class SchemaWatch {
  #problem: Reason | null = null;
  #version: number | null = null;

  /** Why the schema does not serve this gateway; null if it does, and until it is known. */
  get problem(): Reason | null {
    return this.#problem;
  }

  /** The schema's version; null until it is known. */
  get version(): number | null {
    return this.#version;
  }

  found(schema: DatabaseState['schema']): void {
    const known = !('code' in schema);
    this.#problem = known ? schemaProblem(schema) : schema;
    if (known) this.#version = schema.version;
  }
}
