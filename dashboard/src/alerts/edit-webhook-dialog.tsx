import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { updateWebhook, type WebhookChanges } from '../data/alert-actions.ts';
import { useFocusOnWrong } from '../key/use-focus-on-wrong.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkTypes, readTypes, TypeFields } from './type-fields.tsx';

/** Changes what a webhook is called and which alerts it gets. */
export function EditWebhookDialog(props: {
  value: Webhook;
  operator: boolean;
  onClose: () => void;
}) {
  const { value: webhook, operator, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrongTypes, setWrongTypes] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, wrongTypes);
  const save = useAction(async (changes: WebhookChanges) => {
    await updateWebhook(supabase, webhook.id, changes, operator);
    announce('The webhook is changed.');
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const types = readTypes(data);
    setWrongTypes(checkTypes(types));
    if (checkTypes(types)) return;
    void save.run({ label: String(data.get('label')).trim() || null, types });
  };
  return (
    <Dialog title="Edit the webhook" onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        <p>Where it leads cannot be changed: create another one, and delete this one.</p>
        <Field label="Label" hint="May be left empty. Up to 80 characters.">
          <input
            name="label"
            maxLength={80}
            autoComplete="off"
            autoFocus
            dir="auto"
            defaultValue={webhook.label ?? ''}
          />
        </Field>
        <TypeFields initial={webhook.types} error={wrongTypes} />
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
