import type { Factor } from '@supabase/supabase-js';
import { use } from 'react';
import type { Supabase } from '../data/database.ts';
import { LinkPage } from './link-page.tsx';
import type { MailedLink } from './mailed-link.ts';
import { NewPasswordPage } from './new-password-page.tsx';
import { SecondFactorPage } from './second-factor-page.tsx';
import { SessionContext } from './session-context.ts';
import { SignInPage } from './sign-in-page.tsx';

/** The steps before the app: a mailed link, the sign-in, a second factor, a new password, in this order. */
export default function WayIn(props: {
  supabase: Supabase;
  link: MailedLink | null;
  leaveLink: (failure?: string) => void;
  /** Tells an interrupted user why the sign-in page is shown. */
  notice: string | undefined;
  factors: Factor[];
  onNewPassword: () => void;
}) {
  const { supabase, link, leaveLink, notice, factors, onNewPassword } = props;
  const present = use(SessionContext)?.email;
  if (link)
    return <LinkPage supabase={supabase} link={link} present={present} onDone={leaveLink} />;
  if (present === undefined) return <SignInPage supabase={supabase} notice={notice} />;
  if (factors.length > 0) return <SecondFactorPage factors={factors} />;
  return <NewPasswordPage onDone={onNewPassword} />;
}
