import { isAuthRetryableFetchError, isAuthWeakPasswordError } from '@supabase/supabase-js';

const wrongCode = 'This code is wrong or expired. Enter the latest one, or request another.';
const otherBrowser =
  'This link works once, and only in the browser that requested it. Request another e-mail and enter its code here.';
const tooManyTries = 'Too many attempts. Wait a few minutes, then try again.';
const noFactor = 'This project does not allow that. Ask its operator.';
const dismissed = 'No passkey was used. Try again, or sign in another way.';

const sentences: Record<string, string> = {
  invalid_credentials: 'The e-mail address or password is wrong.',
  email_not_confirmed:
    'This address is not confirmed. Follow the link in the e-mail that we sent you.',
  user_already_exists: 'An account with this address already exists. Sign in instead.',
  email_exists: 'An account with this address already exists. Sign in instead.',
  weak_password: 'This password is too weak. Choose a longer one.',
  same_password: 'This is your current password. Choose another one.',
  email_address_invalid: 'This address cannot receive e-mail. Enter another one.',
  email_address_not_authorized:
    'This project cannot send e-mail to this address. Ask its operator.',
  validation_failed: 'Some of the input is invalid. Check what you entered.',
  user_banned: 'This account is banned. Ask the operator.',
  signup_disabled: 'Sign-up is disabled. Ask the operator for an account.',
  email_provider_disabled: 'Sign-in by e-mail is disabled in this project.',
  over_request_rate_limit: tooManyTries,
  over_email_send_rate_limit: 'Too many e-mails were sent. Wait a few minutes, then try again.',
  otp_expired: wrongCode,
  otp_disabled: 'Sign-in by e-mail is disabled in this project.',
  pkce_code_verifier_not_found: otherBrowser,
  bad_code_verifier: otherBrowser,
  flow_state_not_found: otherBrowser,
  flow_state_expired: otherBrowser,
  reauthentication_needed: 'Enter the code from the e-mail that we sent you.',
  reauth_nonce_missing: 'Enter the code from the e-mail that we sent you.',
  reauthentication_not_valid: wrongCode,
  current_password_required: 'Also enter your current password.',
  current_password_invalid: 'The current password is wrong.',
  insufficient_aal: 'This needs your second factor. Sign out, then sign in with it.',
  mfa_verification_failed: 'This code is wrong or expired. Enter the code that your app shows now.',
  mfa_verification_rejected: 'This project rejected the code. Ask its operator.',
  mfa_challenge_expired: 'That took too long. Enter the code that your app shows now.',
  mfa_factor_not_found: 'This authenticator was removed. Start again.',
  mfa_factor_name_conflict: 'Another authenticator has this name. Choose another name.',
  too_many_enrolled_mfa_factors: 'You have the maximum number of authenticators. Remove one first.',
  mfa_totp_enroll_not_enabled: noFactor,
  mfa_totp_verify_not_enabled: noFactor,
  passkey_disabled: 'Passkeys are disabled in this project.',
  too_many_passkeys: 'You have the maximum number of passkeys. Remove one first.',
  webauthn_challenge_expired: 'That took too long. Try again.',
  webauthn_credential_exists: 'This device already has a passkey for your account.',
  webauthn_credential_not_found: 'No account has this passkey. Sign in another way.',
  webauthn_verification_failed: 'The passkey was not accepted. Try again, or sign in another way.',
  ERROR_CEREMONY_ABORTED: dismissed,
  ERROR_PASSTHROUGH_SEE_CAUSE_PROPERTY: dismissed,
  ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED: 'This device already has a passkey for your account.',
  session_not_found: 'Your session has ended. Sign in again.',
  session_expired: 'Your session has ended. Sign in again.',
};

/** Why a mailed link failed, and what to do next. */
const linkSentences: Record<string, string> = {
  otp_expired: 'This link was already used or has expired. Request another one below.',
  access_denied: 'This link was already used or has expired. Request another one below.',
  unasked_link:
    'This page does not accept this kind of link. Sign in below, or request another link.',
};

/** Explains an error of Supabase Auth and what to do next. */
export function authWordsOf(error: Error & { code?: string | undefined }): string {
  if (isAuthRetryableFetchError(error))
    return 'No connection or no response. Try again in a moment.';
  if (isAuthWeakPasswordError(error)) return weaknessOf(error);
  return wordsIn(sentences, error.code) ?? 'That did not work. Try again in a moment.';
}

/** Explains why a link failed. */
export function linkWordsOf(code: string): string {
  return (
    wordsIn(linkSentences, code) ??
    wordsIn(sentences, code) ??
    'This link did not work. Request another one.'
  );
}

/** A code may come from the URL, where an attacker could write `constructor`. */
function wordsIn(words: Record<string, string>, code = ''): string | undefined {
  return Object.hasOwn(words, code) ? words[code] : undefined;
}

/** What a password lacks. Only the project's answer has the required length. */
function weaknessOf({ reasons, message }: { reasons: string[]; message: string }): string {
  const shortest = /at least (\d+) characters/.exec(message)?.[1];
  const lacks = [
    reasons.includes('pwned') && 'It appeared in a data breach.',
    reasons.includes('length') && shortest && `It needs at least ${shortest} characters.`,
    reasons.includes('characters') &&
      'It needs more kinds of characters, such as digits and capital letters.',
  ].filter(Boolean);
  return ['This password is too weak.', ...(lacks.length ? lacks : ['Choose a longer one.'])].join(
    ' ',
  );
}
