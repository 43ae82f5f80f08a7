import { useState } from 'react';
import { Choice } from '../components/choice.tsx';
import { Field } from '../components/field.tsx';
import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { dateTime } from '../format/time.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { minute, useNow } from '../usage-chart/use-now.ts';
import { fromLocalInput, toLocalInput } from './expiry.ts';

/** Says until when the key may be used. */
export function ExpiryDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [when, setWhen] = useState(key.expires_at ? 'at' : 'never');
  const now = useNow(minute);
  const [missing, setMissing] = useState(false);
  const before = key.expires_at ? toLocalInput(key.expires_at) : '';
  const save = useAction(async (form: FormData) => {
    const entered = String(form.get('time'));
    // the input has no seconds, and would take those of the time that there is away
    if (when === 'at' && before && entered === before) return onClose();
    const expiry = when === 'at' ? (fromLocalInput(entered) ?? null) : null;
    const { expires_at } = await updateKey(supabase, key.id, { expires_at: expiry });
    announce(
      expires_at ? `The key expires on ${dateTime(expires_at)}.` : 'The key never expires now.',
    );
    onClose();
  });
  const check = (form: FormData) => {
    const isMissing = when === 'at' && !fromLocalInput(String(form.get('time')));
    setMissing(isMissing);
    return isMissing;
  };
  return (
    <FormDialog title="Expiry" onClose={onClose} action={save} check={check} submit="Save">
      <p>
        Once the time has come, the gateway refuses the key and closes its open connections. Another
        expiry brings it back.
      </p>
      <Choice
        legend="When does the key expire?"
        name="when"
        initial={when}
        onChange={setWhen}
        options={[
          { value: 'never', name: 'Never' },
          { value: 'at', name: 'At a date and time' },
        ]}
      />
      {when === 'at' && (
        <Field
          label="Date and time (UTC)"
          hint={`It is ${dateTime(now)} now.`}
          error={missing ? 'Enter a date and a time.' : undefined}
        >
          <input type="datetime-local" name="time" defaultValue={before} max="9999-12-31T23:59" />
        </Field>
      )}
    </FormDialog>
  );
}
