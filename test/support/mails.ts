import { inject } from 'vitest';
import type { Mail } from '../../scripts/stack/auth/mailbox.ts';
import { connectOwner } from './personas.ts';
import { realAuth } from './real-auth.ts';

const { url, secretKey } = inject('stack');

/** The mails to an address, newest first, from the local replacement of Supabase Auth. */
export async function mailsTo(email: string): Promise<Mail[]> {
  const response = await fetch(`${url}/auth/v1/admin/mails`, { headers: { apikey: secretKey } });
  const mails = (await response.json()) as Mail[];
  return mails.filter(({ to }) => to === email);
}

/** The link of this type in the last mail to an address. Supabase Auth itself stores no code. */
export async function mailedLink(email: string, type: string, redirectTo: string): Promise<string> {
  if (!realAuth) return (await mailsTo(email))[0]?.link ?? '';
  const sql = connectOwner();
  const [row] = await sql`
    select coalesce(
      nullif(email_change_token_new, ''), nullif(recovery_token, ''), confirmation_token) as token
    from auth.users where ${email} in (email, email_change)`;
  await sql.end();
  const query = new URLSearchParams({ token: row?.token, type, redirect_to: redirectTo });
  return `${url}/auth/v1/verify?${query}`;
}
