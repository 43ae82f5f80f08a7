import { type AuthError, isAuthRetryableFetchError } from '@supabase/supabase-js';

const sentences: Record<string, string> = {
  invalid_credentials: 'The e-mail address or the password is wrong.',
  email_not_confirmed: 'This address is not confirmed yet. Follow the link in the mail you got.',
  user_already_exists: 'There is an account with this address already. Sign in instead.',
  email_exists: 'There is an account with this address already. Sign in instead.',
  weak_password: 'This password is too weak. Take a longer one.',
  email_address_invalid: 'This is no e-mail address that mail can be sent to.',
  validation_failed: 'The e-mail address or the password is not one.',
  user_banned: 'This account is barred. Ask its administrator.',
  signup_disabled: 'New accounts are made by the administrator here.',
  email_provider_disabled: 'Signing in by e-mail is switched off here.',
  over_request_rate_limit: 'Too many tries. Wait some minutes, then try again.',
  over_email_send_rate_limit: 'Too many mails were sent. Wait some minutes, then try again.',
};

/** What a refusal of Supabase Auth means and what to do next. */
export function authWordsOf(error: AuthError): string {
  if (isAuthRetryableFetchError(error))
    return 'No connection, or no answer. Try again in a moment.';
  return sentences[error.code ?? ''] ?? 'That did not work. Try again in a moment.';
}
