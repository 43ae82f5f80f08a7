import { Button } from '../components/button.tsx';
import { FullPage } from '../components/full-page.tsx';
import { NewPasswordForm } from './new-password-form.tsx';

/** After a recovery, asks for a new password first. */
export function NewPasswordPage({ onDone }: { onDone: () => void }) {
  return (
    <FullPage title="Choose a new password">
      <p>This ends all your other sessions.</p>
      <NewPasswordForm onDone={onDone} />
      <p>
        <Button kind="link" onClick={onDone}>
          Keep the old password
        </Button>
      </p>
    </FullPage>
  );
}
