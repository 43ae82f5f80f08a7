import type { Reason } from './reason.ts';
import { type DatabaseState, schemaProblem } from './schema-version.ts';

/** What was last found of the schema; it stays while the database is away. */
export class SchemaWatch {
  #problem: Reason | null = null;

  /** Why the schema does not serve this gateway; null where it does, and until it is known. */
  get problem(): Reason | null {
    return this.#problem;
  }

  found(schema: DatabaseState['schema']): void {
    this.#problem = 'code' in schema ? schema : schemaProblem(schema);
  }
}
