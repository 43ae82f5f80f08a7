import { useState } from 'react';
import { FormDialog } from '../components/form-dialog.tsx';
import { useAction } from '../components/use-action.ts';
import type { Key } from '../data/key.ts';
import { updateKey } from '../data/key-actions.ts';
import { counted } from '../format/amount.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkAllowedClients } from './allowed-clients.ts';
import { ClientsField, readClients } from './clients-field.tsx';

/** Sets the addresses that may use the key. */
export function AllowedClientsDialog({ value: key, onClose }: { value: Key; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const save = useAction(async (form: FormData) => {
    const { allowed_ips } = await updateKey(supabase, key.id, { allowed_ips: readClients(form) });
    announce(
      allowed_ips.length === 0
        ? 'Any client can now use the key.'
        : `${counted(allowed_ips.length, 'address or range', 'addresses or ranges')} can now use the key.`,
    );
    onClose();
  });
  const check = (form: FormData) => {
    const mistake = checkAllowedClients(readClients(form));
    setWrong(mistake);
    return mistake;
  };
  return (
    <FormDialog title="Allowed clients" onClose={onClose} action={save} check={check} submit="Save">
      <p>
        The gateway refuses clients at any other address. It checks the address that it sees: behind
        a load balancer or a shared network, that is not your machine’s own address.
      </p>
      <ClientsField initial={key.allowed_ips} wrong={wrong} autoFocus />
    </FormDialog>
  );
}
