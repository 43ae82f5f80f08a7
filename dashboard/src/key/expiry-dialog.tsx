import { useState } from 'react';
import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { dateTime } from '../format/time.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { toLocalInput } from './expiry.ts';
import { ExpiryFields, readExpiry } from './expiry-fields.tsx';

/** Sets the key's expiry. */
export function ExpiryDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [missing, setMissing] = useState(false);
  const save = useAction(async (form: FormData) => {
    // the input has no seconds, so saving an unchanged value would drop the expiry's seconds
    const entered = String(form.get('expires_at') ?? '');
    if (key.expires_at && entered === toLocalInput(key.expires_at)) return onClose();
    const expiry = readExpiry(form, Date.now()) ?? null;
    const { expires_at } = await updateKey(supabase, key.id, { expires_at: expiry });
    announce(
      expires_at ? `The key expires on ${dateTime(expires_at)}.` : 'The key no longer expires.',
    );
    onClose();
  });
  const check = (form: FormData) => {
    const isMissing = readExpiry(form, Date.now()) === undefined;
    setMissing(isMissing);
    return isMissing;
  };
  return (
    <FormDialog title="Expiry" onClose={onClose} action={save} check={check} submit="Save">
      <p>
        When the key expires, the gateway refuses it and closes its open connections. To use the key
        again, set a later expiry.
      </p>
      <ExpiryFields initial={key.expires_at} missing={missing} autoFocus />
    </FormDialog>
  );
}
