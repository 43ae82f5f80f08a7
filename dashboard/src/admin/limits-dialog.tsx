import { type FormEvent, useState } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import { type LimitChanges, setKeyLimits } from '../data/admin-actions.ts';
import type { FoundKey } from '../data/key.ts';
import { useTiers } from '../data/use-tiers.ts';
import { type LimitName, limitNames, limits, limitWords } from '../format/limits.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { FoundKeyName } from './found-key-name.tsx';
import { limitInputs } from './limit-input.ts';
import { OwnLimit } from './own-limit.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';

/** Sets what a key may use: as its tier, or values of its own. */
export function LimitsDialog({ value: key, onClose }: { value: FoundKey; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const tiers = useTiers();
  const [mistyped, setMistyped] = useState<LimitName[]>([]);
  const setLimits = useAction(async (changes: LimitChanges, reason: string) => {
    const set = await setKeyLimits(supabase, key.id, changes, reason);
    announce(`The key “${key.label}” may use ${limitWords(set)} now.`);
    onClose();
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const typed = limitNames.map((name) => {
      // a field that is not there is the tier's
      const text = form.get(name);
      return [name, text === null ? null : limitInputs[name].read(String(text))] as const;
    });
    const wrong = typed.filter(([, value]) => value === undefined).map(([name]) => name);
    setMistyped(wrong);
    const [first] = wrong;
    if (first) focus(event.currentTarget.elements.namedItem(first));
    else void setLimits.run(Object.fromEntries(typed) as LimitChanges, reasonOf(form));
  };
  return (
    <Dialog title="Set the key’s limits" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => {
          const tier = all.find(({ tier }) => tier === key.tier);
          return (
            <form onSubmit={submit}>
              <FoundKeyName value={key} />
              {limitNames.map((name) => (
                <OwnLimit
                  key={name}
                  name={name}
                  legend={limits[name].name}
                  ofTier={`${limits[name].words(tier?.[name] ?? 0)}, as the tier ${key.tier}`}
                  label={limitInputs[name].label}
                  hint={limitInputs[name].hint}
                  initial={limitInputs[name].write(key[name])}
                  isOwn={name in key.limit_overrides}
                  error={mistyped.includes(name) ? limitInputs[name].mistake : undefined}
                />
              ))}
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
