import { useState } from 'react';
import { Field } from '../components/field.tsx';
import { FormDialog, textOf } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { updateWebhook } from '../data/alert-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkTypes, readTypes, TypeFields } from './type-fields.tsx';

/** Changes a webhook's label and alert types. */
export function EditWebhookDialog(props: {
  value: Webhook;
  operator: boolean;
  onClose: () => void;
}) {
  const { value: webhook, operator, onClose } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrongTypes, setWrongTypes] = useState<string>();
  const save = useAction(async (form: FormData) => {
    const changes = { label: textOf(form, 'label') || null, types: readTypes(form) };
    await updateWebhook(supabase, webhook.id, changes, operator);
    announce('Webhook saved.');
    onClose();
  });
  const check = (form: FormData) => {
    const mistake = checkTypes(readTypes(form));
    setWrongTypes(mistake);
    return mistake;
  };
  return (
    <FormDialog title="Edit webhook" onClose={onClose} action={save} check={check} submit="Save">
      <p>You cannot change where alerts are sent. Create another webhook and delete this one.</p>
      <Field label="Label" hint="Optional. Up to 80 characters.">
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
    </FormDialog>
  );
}
