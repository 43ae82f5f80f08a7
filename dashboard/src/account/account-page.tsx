import { useConfiguration } from '../configuration-provider.tsx';
import { useAuthSettings } from '../data/auth-settings.ts';
import { Page } from '../layout/page.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './account-page.module.css';
import { FactorSection } from './factor-section.tsx';
import { PasskeySection } from './passkey-section.tsx';
import { PasswordSection } from './password-section.tsx';
import { SessionSection } from './session-section.tsx';

/** How the user signs in, and where they are signed in. */
export default function AccountPage() {
  const { email } = useSession();
  const { passkeys } = useAuthSettings(useConfiguration());
  return (
    <Page title="Account">
      <p>
        You are signed in as <strong>{email}</strong>.
      </p>
      <div className={styles.sections}>
        <FactorSection />
        {passkeys && <PasskeySection />}
        <PasswordSection />
        <SessionSection />
      </div>
    </Page>
  );
}
