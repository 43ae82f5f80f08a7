/** The purpose of a mail, by Supabase Auth's name for it. */
export type MailType = 'signup' | 'recovery' | 'magiclink' | 'email_change' | 'reauthentication';

/** A mail that Supabase Auth would send. */
export interface Mail {
  to: string;
  type: MailType;
  /** The code to type. */
  code: string;
  /** The link to follow; absent for reauthentication. */
  link?: string;
  sentAt: string;
}

/** Keeps mails in memory instead of sending them, for holders of the secret key. */
export interface Mailbox {
  put(mail: Omit<Mail, 'sentAt'>): void;
  /** The mails of the last hour, newest first. */
  list(): Mail[];
}

const mostMails = 100;
const hour = 3_600_000;

/** Creates an empty mailbox. */
export function createMailbox(now: () => number): Mailbox {
  let mails: Mail[] = [];
  return {
    put(mail) {
      mails = [{ ...mail, sentAt: new Date(now()).toISOString() }, ...mails].slice(0, mostMails);
    },
    list() {
      mails = mails.filter(({ sentAt }) => now() - Date.parse(sentAt) < hour);
      return mails;
    },
  };
}
