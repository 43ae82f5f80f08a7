import { checkGateway } from './gateway-login.ts';
import { checkKeys } from './keys.ts';
import { checkFunctions, checkMigrations, checkSchemas, checkStrangers } from './openings.ts';
import type { Project } from './project.ts';
import { checkClock, checkProject, checkSigningKeys, checkToken } from './tokens.ts';

/** One line of `npm run verify`. */
export interface Check {
  name: string;
  /** Resolves to what was found; throws `Unexpected` or `Unchecked`. */
  check(project: Project): Promise<string>;
}

/** Ordered so that a failure explains the failures after it. */
export const checks: Check[] = [
  { name: 'project', check: checkProject },
  { name: 'clock', check: checkClock },
  { name: 'signing keys', check: checkSigningKeys },
  { name: 'token', check: checkToken },
  { name: 'schemas', check: checkSchemas },
  { name: 'migrations', check: checkMigrations },
  { name: 'functions', check: checkFunctions },
  { name: 'strangers', check: checkStrangers },
  { name: 'a key', check: checkKeys },
  { name: 'gateway', check: checkGateway },
];
