import { isAuthRetryableFetchError, isAuthWeakPasswordError } from '@supabase/supabase-js';

const wrongCode = 'This code is wrong or too old. Enter the last one, or ask for another.';
const otherBrowser =
  'This link works once, and only in the browser that asked for it. Ask for another mail, and type its code here.';
const tooManyTries = 'Too many tries. Wait some minutes, then try again.';
const noFactor = 'This project lets nobody set that up. Ask its administrator.';
const dismissed = 'No passkey was used. Try again, or take another way.';

const sentences: Record<string, string> = {
  invalid_credentials: 'The e-mail address or the password is wrong.',
  email_not_confirmed: 'This address is not confirmed yet. Follow the link in the mail you got.',
  user_already_exists: 'There is an account with this address already. Sign in instead.',
  email_exists: 'There is an account with this address already. Sign in instead.',
  weak_password: 'This password is too weak. Take a longer one.',
  same_password: 'This is the password you have. Choose another one.',
  email_address_invalid: 'This is no e-mail address that mail can be sent to.',
  email_address_not_authorized: 'This project cannot send mail to this address. Ask its operator.',
  validation_failed: 'Something in it is not right. Check what you entered.',
  user_banned: 'This account is barred. Ask its administrator.',
  signup_disabled: 'New accounts are made by the administrator here.',
  email_provider_disabled: 'Signing in by e-mail is switched off here.',
  over_request_rate_limit: tooManyTries,
  over_email_send_rate_limit: 'Too many mails were sent. Wait some minutes, then try again.',
  otp_expired: wrongCode,
  otp_disabled: 'Signing in by mail is switched off here.',
  pkce_code_verifier_not_found: otherBrowser,
  bad_code_verifier: otherBrowser,
  flow_state_not_found: otherBrowser,
  flow_state_expired: otherBrowser,
  reauthentication_needed: 'Enter the code of the mail that is on its way to you.',
  reauth_nonce_missing: 'Enter the code of the mail that is on its way to you.',
  reauthentication_not_valid: wrongCode,
  current_password_required: 'Enter the password you have now as well.',
  current_password_invalid: 'The current password is wrong.',
  insufficient_aal: 'This needs your second factor. Sign out, then sign in with it.',
  mfa_verification_failed: 'This code is wrong or too old. Enter the one that your app shows now.',
  mfa_verification_rejected: 'This project refused the code. Ask its administrator.',
  mfa_challenge_expired: 'That took too long. Enter the code that your app shows now.',
  mfa_factor_not_found: 'This authenticator was removed. Begin again.',
  mfa_factor_name_conflict: 'Another authenticator has this name. Choose another one.',
  too_many_enrolled_mfa_factors: 'You have as many as you may. Remove one first.',
  mfa_totp_enroll_not_enabled: noFactor,
  mfa_totp_verify_not_enabled: noFactor,
  passkey_disabled: 'Passkeys are switched off here.',
  too_many_passkeys: 'You have as many passkeys as you may. Remove one first.',
  webauthn_challenge_expired: 'That took too long. Try again.',
  webauthn_credential_exists: 'This device has a passkey for your account already.',
  webauthn_credential_not_found: 'No account has this passkey. Sign in another way.',
  webauthn_verification_failed: 'The passkey was not accepted. Try again, or take another way.',
  ERROR_CEREMONY_ABORTED: dismissed,
  ERROR_PASSTHROUGH_SEE_CAUSE_PROPERTY: dismissed,
  ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED: 'This device has a passkey for your account already.',
  session_not_found: 'Your session has ended. Sign in again.',
  session_expired: 'Your session has ended. Sign in again.',
};

/** What a link says that cannot be followed, and what to do next. */
const linkSentences: Record<string, string> = {
  otp_expired: 'This link was used before, or is too old. Ask for another one below.',
  access_denied: 'This link was used before, or is too old. Ask for another one below.',
  unasked_link: 'This page takes no such link. Sign in below, or ask for another one.',
};

/** What a refusal of Supabase Auth means and what to do next. */
export function authWordsOf(error: Error & { code?: string | undefined }): string {
  if (isAuthRetryableFetchError(error))
    return 'No connection, or no answer. Try again in a moment.';
  if (isAuthWeakPasswordError(error)) return weaknessOf(error);
  return wordsIn(sentences, error.code) ?? 'That did not work. Try again in a moment.';
}

/** Why a link led to nothing. */
export function linkWordsOf(code: string): string {
  return (
    wordsIn(linkSentences, code) ??
    wordsIn(sentences, code) ??
    'This link did not work. Ask for another one.'
  );
}

/** A code may come from the address, where anybody may write `constructor`. */
function wordsIn(words: Record<string, string>, code = ''): string | undefined {
  return Object.hasOwn(words, code) ? words[code] : undefined;
}

/** What a password lacks; how long one must be, the project's answer alone says. */
function weaknessOf({ reasons, message }: { reasons: string[]; message: string }): string {
  const shortest = /at least (\d+) characters/.exec(message)?.[1];
  const lacks = [
    reasons.includes('pwned') && 'It is known from leaks of other sites.',
    reasons.includes('length') && shortest && `It needs at least ${shortest} characters.`,
    reasons.includes('characters') &&
      'It needs more kinds of characters, such as digits and capitals.',
  ].filter(Boolean);
  return ['This password is too weak.', ...(lacks.length ? lacks : ['Take a longer one.'])].join(
    ' ',
  );
}
