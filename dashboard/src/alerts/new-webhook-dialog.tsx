import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { WebhookWithSecret } from '../data/alert.ts';
import { createWebhook, type NewWebhook } from '../data/alert-actions.ts';
import { useFocusOnWrong } from '../key/use-focus-on-wrong.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { KindFields } from './kind-fields.tsx';
import { checkTypes, readTypes, TypeFields } from './type-fields.tsx';
import { kindWords } from './webhook-words.ts';

/** Asks where alerts are to be sent, and creates that webhook. `onCreated` is given what has a secret. */
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
  const form = useRef<HTMLFormElement>(null);
  const create = useAction(async (wanted: NewWebhook) => {
    setSentKind(wanted.kind);
    const webhook = await createWebhook(supabase, wanted, operator);
    if (webhook.secret) return onCreated(webhook);
    announce('The webhook is created.');
    onClose();
  });

  // of another kind it says nothing
  const refusal = kind === sentKind ? create.refusal : undefined;
  // these are said at their fields
  const wrong = ['url', 'routing_key'].find((field) => field === refusal?.detail);
  useFocusOnWrong(form, wrongTypes ?? (wrong && refusal));

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const types = readTypes(data);
    setWrongTypes(checkTypes(types));
    if (!checkTypes(types)) void create.run(toWebhook(data, types));
  };
  // e-mail goes to an account, and the operator has none
  const kinds = ['webhook', 'slack', 'discord', 'pagerduty', ...(operator ? [] : ['email'])];
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <form ref={form} onSubmit={submit}>
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
        <Field label="Label" hint="May be left empty. Up to 80 characters.">
          <input name="label" maxLength={80} autoComplete="off" />
        </Field>
        <TypeFields initial={null} error={wrongTypes} />
        {refusal?.code === 'offline' ? (
          <Notice kind="error">
            No answer came, and the webhook may have been created. Look at the list before you try
            again; a new secret is made on the webhook’s page.
          </Notice>
        ) : (
          refusal && !wrong && <RefusalNotice refusal={refusal} />
        )}
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={create.busy}>
            Create the webhook
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

function toWebhook(data: FormData, types: string[] | null): NewWebhook {
  const text = (name: string) => String(data.get(name) ?? '').trim();
  return {
    kind: text('kind'),
    ...(text('url') ? { url: text('url') } : {}),
    ...(text('routing_key') ? { routing_key: text('routing_key') } : {}),
    ...(text('label') ? { label: text('label') } : {}),
    ...(types ? { types } : {}),
  };
}
