import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { type Answer, call, type Project, Unexpected } from './project.ts';

/** The allowed clock offset, in seconds: PostgREST tolerates 30 for a token. */
const clockToleranceS = 10;
/** How long the checks may take, in seconds. */
const neededS = 60;

/** Checks that Supabase Auth responds and accepts the publishable key. */
export async function checkProject(project: Project): Promise<string> {
  const { status, body } = await call(project, '/auth/v1/health', { signedIn: false });
  if (status === 401 || status === 403) {
    throw new Unexpected(
      `the publishable key is not the project's (${status}): check --publishable-key`,
    );
  }
  const { name, version } = (body ?? {}) as { name?: unknown; version?: unknown };
  if (status !== 200 || typeof name !== 'string') {
    throw new Unexpected(
      `Supabase Auth does not respond at --url (${status}): check that it is a project's URL`,
    );
  }
  return `${name}${version ? ` ${version}` : ''} responds`;
}

/** Checks that this machine's clock and the project's agree. */
export async function checkClock(project: Project): Promise<string> {
  const asked = Date.now();
  const { headers } = await call(project, '/auth/v1/health', { signedIn: false });
  const theirs = Date.parse(headers.get('Date') ?? '');
  if (Number.isNaN(theirs))
    throw new Unexpected('the response has no Date header: a proxy in between removes it');
  // their time is in whole seconds
  const offS = ((asked + Date.now()) / 2 - theirs - 500) / 1_000;
  if (Math.abs(offS) > clockToleranceS) {
    const way = offS > 0 ? 'ahead of' : 'behind';
    throw new Unexpected(
      `this machine's clock is ${Math.abs(offS).toFixed(0)} s ${way} the project's: set it by NTP`,
    );
  }
  return `within ${clockToleranceS} s of this machine's`;
}

/** Checks that the project publishes keys for verifying tokens. */
export async function checkSigningKeys(project: Project): Promise<string> {
  const { keys } = await readJwks(project);
  if (keys.length === 0) throw new Unexpected(legacySecret);
  return `${keys.length} published (${[...new Set(keys.map(({ alg, kty }) => alg ?? kty))].join(', ')})`;
}

const legacySecret =
  'tokens are signed with the legacy JWT secret, which cannot be published: migrate to JWT signing keys ' +
  '(dashboard: JWT Keys), rotate them, then sign in again';

/** Checks that the token is a user's, is signed with a published key, and does not expire too soon. */
export async function checkToken(project: Project): Promise<string> {
  const jwks = await readJwks(project);
  const header = readHeader(project.token);
  if (header.alg === 'HS256') throw new Unexpected(legacySecret);
  const { payload } = await jwtVerify(project.token, createLocalJWKSet(jwks), {
    clockTolerance: clockToleranceS,
  }).catch((error: unknown) => {
    throw new Unexpected(explain(error, header.kid));
  });
  if (payload.role !== 'authenticated') {
    throw new Unexpected(`the token has role ${payload.role}: use a signed-in user's token`);
  }
  if ((payload.exp ?? 0) < Date.now() / 1_000 + neededS) {
    throw new Unexpected('the token expires within a minute: sign in again');
  }
  const user = await call(project, '/auth/v1/user');
  if (user.status !== 200) {
    throw new Unexpected(`Supabase Auth does not accept the token (${user.status}): sign in again`);
  }
  return `valid for a signed-in user, ${header.alg}`;
}

async function readJwks(project: Project): Promise<JSONWebKeySet> {
  const answer: Answer = await call(project, '/auth/v1/.well-known/jwks.json', { signedIn: false });
  const { keys } = (answer.body ?? {}) as { keys?: unknown };
  if (answer.status !== 200 || !Array.isArray(keys)) {
    throw new Unexpected(`the project publishes no JWKS (${answer.status}): check --url`);
  }
  return { keys };
}

function readHeader(token: string) {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw new Unexpected("the token is not a JWT: use a session's access_token");
  }
}

function explain(error: unknown, kid: string | undefined): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired: sign in again';
  if (error instanceof errors.JWKSNoMatchingKey) {
    return `no published key has the token's kid (${kid ?? 'none'}): it is from another project, or its key was revoked; sign in again`;
  }
  return 'no published key verifies the token: it is from another project, or was modified';
}
