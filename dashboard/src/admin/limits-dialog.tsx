import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import { type OwnLimits, setKeyLimits } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import { useTiers } from '../data/use-tiers.ts';
import { bytes, number } from '../format/amount.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { readConnections, readGigabytes, writeGigabytes } from './limit-input.ts';
import { OwnLimit } from './own-limit.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Sets what a key may use: as its tier, or values of its own. */
export function LimitsDialog({ value: key, onClose }: { value: FoundKey; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const tiers = useTiers();
  const [mistyped, setMistyped] = useState<Partial<Record<keyof OwnLimits, boolean>>>({});
  const setLimits = useAction(async (limits: OwnLimits, reason: string) => {
    const set = await setKeyLimits(supabase, key.id, limits, reason);
    announce(
      `The key “${key.label}” may use ${bytes(set.bandwidth_limit_bytes)} a month now, at ${number(set.rate_limit)} connections a second and ${number(set.tunnel_limit)} open at once.`,
    );
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    // a field that is not there is the tier's
    const read = (name: keyof OwnLimits, parse: (typed: string) => number | undefined) => {
      const typed = form.get(name);
      return typed === null ? null : parse(String(typed));
    };
    const bandwidthLimitBytes = read('bandwidthLimitBytes', readGigabytes);
    const rateLimit = read('rateLimit', readConnections);
    const tunnelLimit = read('tunnelLimit', readConnections);
    setMistyped({
      bandwidthLimitBytes: bandwidthLimitBytes === undefined,
      rateLimit: rateLimit === undefined,
      tunnelLimit: tunnelLimit === undefined,
    });
    const field = (name: keyof OwnLimits) => event.currentTarget.elements.namedItem(name);
    if (bandwidthLimitBytes === undefined) focus(field('bandwidthLimitBytes'));
    else if (rateLimit === undefined) focus(field('rateLimit'));
    else if (tunnelLimit === undefined) focus(field('tunnelLimit'));
    else void setLimits.run({ bandwidthLimitBytes, rateLimit, tunnelLimit }, reasonOf(form));
  };
  return (
    <Dialog title="Set the key’s limits" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => {
          const tier = all.find(({ tier }) => tier === key.tier);
          return (
            <form onSubmit={submit}>
              <FoundKeyName value={key} />
              <OwnLimit
                name="bandwidthLimitBytes"
                legend="Bytes a month"
                ofTier={`${bytes(tier?.bandwidth_limit_bytes ?? 0)}, as the tier ${key.tier}`}
                label="GB a month"
                hint="1 GB is 1,000,000,000 bytes. 0 lets nothing through."
                initial={writeGigabytes(key.bandwidth_limit_bytes)}
                isOwn={key.bandwidth_limit_bytes !== tier?.bandwidth_limit_bytes}
                error={
                  mistyped.bandwidthLimitBytes
                    ? 'Enter a number from 0 to 9007199.254740991, with a point before its decimals, as in 2.5.'
                    : undefined
                }
              />
              <OwnLimit
                name="rateLimit"
                legend="Connections a second"
                ofTier={`${number(tier?.rate_limit ?? 0)}, as the tier ${key.tier}`}
                label="Connections a second"
                initial={String(key.rate_limit)}
                isOwn={key.rate_limit !== tier?.rate_limit}
                error={mistyped.rateLimit ? 'Enter a whole number from 1 to 1000000.' : undefined}
              />
              <OwnLimit
                name="tunnelLimit"
                legend="Connections open at once"
                ofTier={`${number(tier?.tunnel_limit ?? 0)}, as the tier ${key.tier}`}
                label="Connections open at once"
                hint="On each gateway."
                initial={String(key.tunnel_limit)}
                isOwn={key.tunnel_limit !== tier?.tunnel_limit}
                error={mistyped.tunnelLimit ? 'Enter a whole number from 1 to 1000000.' : undefined}
              />
              <ReasonField hint="It is in the key’s history, which its owner can read." />
              {setLimits.refusal && <RefusalNotice refusal={setLimits.refusal} />}
              <DialogButtons>
                <Button onClick={onClose}>Cancel</Button>
                <Button kind="primary" type="submit" busy={setLimits.busy}>
                  Set the limits
                </Button>
              </DialogButtons>
            </form>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

function focus(control: Element | RadioNodeList | null) {
  if (control instanceof HTMLElement) control.focus();
}
