import { inject } from 'vitest';
import type { Mail } from '../../scripts/stack/auth/mailbox.ts';

const { url, secretKey } = inject('stack');

/** The mails that the stand-in for Supabase Auth has for somebody, newest first. */
export async function mailsTo(email: string): Promise<Mail[]> {
  const response = await fetch(`${url}/auth/v1/admin/mails`, { headers: { apikey: secretKey } });
  const mails = (await response.json()) as Mail[];
  return mails.filter(({ to }) => to === email);
}
