import { Button } from '../components/button.tsx';
import { FullPage } from '../components/full-page.tsx';
import { NewPasswordForm } from './new-password-form.tsx';

/** After a recovery: the new password, before anything else. */
export function NewPasswordPage({ onDone }: { onDone: () => void }) {
  return (
    <FullPage title="Choose a new password">
      <p>All your other sessions end with it.</p>
      <NewPasswordForm onDone={onDone} />
      <p>
        <Button kind="link" onClick={onDone}>
          Keep the old one
        </Button>
      </p>
    </FullPage>
  );
}
