import { useState } from 'react';
import { Dialog } from '../components/dialog.tsx';
import { DialogForm } from '../components/form-dialog.tsx';
import { Loaded } from '../components/loaded.tsx';
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

/** Sets a key's limits: the tier's, or custom values. */
export function LimitsDialog({ value: key, onClose }: { value: FoundKey; onClose: () => void }) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const tiers = useTiers();
  const [mistyped, setMistyped] = useState<LimitName[]>([]);
  const setLimits = useAction(async (form: FormData) => {
    const changes = readLimits(form) as LimitChanges;
    const set = await setKeyLimits(supabase, key.id, changes, reasonOf(form));
    announce(`Limits of “${key.label}” set: ${limitWords(set)}.`);
    onClose();
  });
  const check = (form: FormData) => {
    const limits = readLimits(form);
    const wrong = limitNames.filter((name) => limits[name] === undefined);
    setMistyped(wrong);
    return wrong.length > 0;
  };
  return (
    <Dialog title="Set limits" onClose={onClose}>
      <Loaded query={tiers} what="the tiers">
        {(all) => {
          const tier = all.find(({ tier }) => tier === key.tier);
          return (
            <DialogForm onClose={onClose} action={setLimits} check={check} submit="Set limits">
              <FoundKeyName value={key} />
              {limitNames.map((name) => (
                <OwnLimit
                  key={name}
                  name={name}
                  legend={limits[name].name}
                  ofTier={`Tier default: ${limits[name].words(tier?.[name] ?? 0)}`}
                  label={limitInputs[name].label}
                  hint={limitInputs[name].hint}
                  initial={limitInputs[name].write(key[name])}
                  isOwn={name in key.limit_overrides}
                  error={mistyped.includes(name) ? limitInputs[name].mistake : undefined}
                />
              ))}
              <ReasonField hint="Shown in the key’s history, which the owner can read." />
            </DialogForm>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

/** The typed value of each limit: null for the tier's, which has no field; undefined if it is invalid. */
function readLimits(form: FormData): Record<LimitName, number | null | undefined> {
  const entries = limitNames.map((name) => {
    const text = form.get(name);
    return [name, text === null ? null : limitInputs[name].read(String(text))];
  });
  return Object.fromEntries(entries);
}
