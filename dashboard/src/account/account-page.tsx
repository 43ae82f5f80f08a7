import { useConfiguration } from '../configuration-provider.tsx';
import { useAuthSettings } from '../data/auth-settings.ts';
import { Page } from '../layout/page.tsx';
import styles from './account-page.module.css';
import { EmailSection } from './email-section.tsx';
import { FactorSection } from './factor-section.tsx';
import { PasskeySection } from './passkey-section.tsx';
import { PasswordSection } from './password-section.tsx';
import { SessionSection } from './session-section.tsx';

/** The user's sign-in methods and sessions. */
export default function AccountPage() {
  const { passkeys } = useAuthSettings(useConfiguration());
  return (
    <Page title="Account">
      <div className={styles.sections}>
        <FactorSection />
        {passkeys && <PasskeySection />}
        <PasswordSection />
        <EmailSection />
        <SessionSection />
      </div>
    </Page>
  );
}
