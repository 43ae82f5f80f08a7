import type { Factor, Session } from '@supabase/supabase-js';

/** Whether the sign-in had a second factor. For what is shown: the token is checked elsewhere. */
export function isAal2({ access_token: token }: Pick<Session, 'access_token'>): boolean {
  const [, claims = ''] = token.split('.');
  const { aal } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
  return aal === 'aal2';
}

/** The factors of which the session still needs one; empty where it had one, or the user has no factor. */
export function factorsToProve(session: Session): Factor[] {
  if (isAal2(session)) return [];
  return (session.user.factors ?? []).filter(({ status }) => status === 'verified');
}
