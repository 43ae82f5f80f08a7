import type { AuthError } from '@supabase/supabase-js';
import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { authWordsOf } from '../session/auth-words.ts';

/** Confirms the removal of a sign-in method and explains the consequence. */
export function RemoveDialog(props: {
  what: string;
  consequence: string;
  remove: () => Promise<AuthError | null>;
  onClose: () => void;
}) {
  const { what, consequence, remove, onClose } = props;
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    const error = await remove();
    setBusy(false);
    if (error) setFailure(authWordsOf(error));
    else onClose();
  }

  return (
    <Dialog title={`Remove ${what}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{consequence}</p>
        {failure && <Notice kind="error">{failure}</Notice>}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" type="submit" busy={busy}>
            Remove
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
