import { useState } from 'react';
import { Field } from '../components/field.tsx';
import { FormDialog, textOf } from '../components/form-dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { WebhookWithSecret } from '../data/alert.ts';
import { createWebhook, type NewWebhook } from '../data/alert-actions.ts';
import type { Refusal } from '../data/refusal.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { KindFields } from './kind-fields.tsx';
import { checkTypes, readTypes, TypeFields } from './type-fields.tsx';
import { kindWords } from './webhook-words.ts';

/** Creates a webhook. `onCreated` is called if it has a secret. */
export function NewWebhookDialog(props: {
  operator: boolean;
  onClose: () => void;
  onCreated: (webhook: WebhookWithSecret) => void;
}) {
  const { operator, onClose, onCreated } = props;
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [kind, setKind] = useState('webhook');
  const [sentKind, setSentKind] = useState<string>();
  const [wrongTypes, setWrongTypes] = useState<string>();
  const create = useAction(async (form: FormData) => {
    setSentKind(textOf(form, 'kind'));
    const webhook = await createWebhook(supabase, toWebhook(form), operator);
    if (webhook.secret) return onCreated(webhook);
    announce('Webhook created.');
    onClose();
  });

  // a refusal applies only to the kind that was sent
  const refusal = kind === sentKind ? create.refusal : undefined;
  // these refusals are shown at their fields
  const wrong = ['url', 'routing_key'].find((field) => field === refusal?.detail);
  const check = (form: FormData) => {
    const mistake = checkTypes(readTypes(form));
    setWrongTypes(mistake);
    return mistake;
  };
  const explain = ({ code }: Refusal) => {
    if (!refusal || wrong) return null;
    return code === 'offline' ? <Unanswered /> : undefined;
  };
  // e-mail goes to an account's address, and the operator has no account
  const kinds = ['webhook', 'slack', 'discord', 'pagerduty', ...(operator ? [] : ['email'])];
  return (
    <FormDialog
      title="Create webhook"
      onClose={onClose}
      action={create}
      check={check}
      explain={explain}
      submit="Create webhook"
    >
      <Field label="Kind">
        <select
          name="kind"
          autoFocus
          value={kind}
          onChange={(event) => setKind(event.target.value)}
        >
          {kinds.map((one) => (
            <option key={one} value={one}>
              {kindWords(one)}
            </option>
          ))}
        </select>
      </Field>
      <KindFields kind={kind} wrong={wrong} />
      <Field label="Label" hint="Optional. Up to 80 characters.">
        <input name="label" maxLength={80} autoComplete="off" />
      </Field>
      <TypeFields initial={null} error={wrongTypes} />
    </FormDialog>
  );
}

function Unanswered() {
  return (
    <Notice kind="error">
      No response. The webhook may have been created, so check the list before you try again. If it
      was created, rotate its secret on the webhook’s page.
    </Notice>
  );
}

function toWebhook(form: FormData): NewWebhook {
  const url = textOf(form, 'url');
  const routing_key = textOf(form, 'routing_key');
  const label = textOf(form, 'label');
  const types = readTypes(form);
  return {
    kind: textOf(form, 'kind'),
    ...(url && { url }),
    ...(routing_key && { routing_key }),
    ...(label && { label }),
    ...(types && { types }),
  };
}
