import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Choice } from '../components/choice.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { dateTime } from '../format/time.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { fromLocalInput, toLocalInput } from './expiry.ts';
import { useFocusOnWrong } from './use-focus-on-wrong.ts';

/** Says until when the key may be used. */
export function ExpiryDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [when, setWhen] = useState(key.expires_at ? 'at' : 'never');
  const [missing, setMissing] = useState(false);
  const before = key.expires_at ? toLocalInput(key.expires_at) : '';
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, missing);
  const save = useAction(async (expiry: string | null) => {
    const { expires_at } = await updateKey(supabase, key.id, { expires_at: expiry });
    announce(
      expires_at ? `The key expires on ${dateTime(expires_at)}.` : 'The key never expires now.',
    );
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (when === 'never') return void save.run(null);
    const entered = String(new FormData(event.currentTarget).get('time'));
    // the input has no seconds, and would take those of the time that there is away
    if (before && entered === before) return onClose();
    const time = fromLocalInput(entered);
    setMissing(!time);
    if (time) void save.run(time);
  };
  return (
    <Dialog title="Expiry" onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        <p>
          Once the time has come, the gateway refuses the key and closes its open connections.
          Another expiry brings it back.
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
            hint={`It is ${dateTime(Date.now())} now.`}
            error={missing ? 'Enter a date and a time.' : undefined}
          >
            <input type="datetime-local" name="time" defaultValue={before} max="9999-12-31T23:59" />
          </Field>
        )}
        {save.refusal && <RefusalNotice refusal={save.refusal} />}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={save.busy}>
            Save
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
