import type { Factor, Session } from '@supabase/supabase-js';

/** Whether the sign-in had a second factor. Only for display: the server verifies the token. */
export function isAal2({ access_token: token }: Pick<Session, 'access_token'>): boolean {
  const [, claims = ''] = token.split('.');
  const { aal } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
  return aal === 'aal2';
}

/** The factors that can complete the sign-in; empty if it is complete or the user has none. */
export function factorsToProve(session: Session): Factor[] {
  if (isAal2(session)) return [];
  return (session.user.factors ?? []).filter(({ status }) => status === 'verified');
}
