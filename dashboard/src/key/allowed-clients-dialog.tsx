import { type FormEvent, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { counted } from '../format/amount.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkAllowedClients, readAllowedClients, writeAllowedClients } from './allowed-clients.ts';
import { useFocusOnWrong } from './use-focus-on-wrong.ts';

/** Says from which addresses the key may be used. */
export function AllowedClientsDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, wrong);
  const save = useAction(async (allowed: string[]) => {
    const { allowed_ips } = await updateKey(supabase, key.id, { allowed_ips: allowed });
    announce(
      allowed_ips.length === 0
        ? 'Any client may use the key now.'
        : `${counted(allowed_ips.length, 'address or range', 'addresses or ranges')} may use the key now.`,
    );
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const allowed = readAllowedClients(String(new FormData(event.currentTarget).get('clients')));
    const mistake = checkAllowedClients(allowed);
    setWrong(mistake);
    if (!mistake) void save.run(allowed);
  };
  return (
    <Dialog title="Allowed clients" onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        <p>
          The gateway refuses clients of any other address. It is the address that the gateway sees:
          behind a load balancer or a shared network, that is theirs and not your machine’s.
        </p>
        <Field
          label="Addresses and ranges"
          hint="One a line, as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32. At most 50. Leave it empty to let any client in."
          error={wrong}
        >
          <textarea
            name="clients"
            rows={6}
            defaultValue={writeAllowedClients(key.allowed_ips)}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            autoFocus
          />
        </Field>
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
