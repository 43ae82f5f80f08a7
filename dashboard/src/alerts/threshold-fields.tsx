import { useState } from 'react';
import { Choice } from '../components/choice.tsx';
import { Field } from '../components/field.tsx';
import { type Action, useAction } from '../components/use-action.ts';
import { setThresholds } from '../data/alert-actions.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkPercents, defaultPercents, percentWords, readPercents } from './percents.ts';

interface ThresholdForm {
  action: Action<[FormData]>;
  check: (form: FormData) => unknown;
  wrong: string | undefined;
}

/** Checks and saves a form with ThresholdFields, for a key or for the account. */
export function useThresholdForm(keyId: string | undefined, onSaved: () => void): ThresholdForm {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const action = useAction(async (form: FormData) => {
    const { percents } = await setThresholds(supabase, readThresholds(form), keyId);
    announce(`Thresholds saved. Alert ${percentWords(percents)}.`);
    onSaved();
  });
  const check = (form: FormData) => {
    const mistake =
      form.get('which') === 'percents' ? checkPercents(readThresholds(form) ?? []) : undefined;
    setWrong(mistake);
    return mistake;
  };
  return { action, check, wrong };
}

/** The form's thresholds; null for the default. */
function readThresholds(form: FormData): number[] | null {
  const which = form.get('which');
  if (which === 'default') return null;
  return which === 'percents' ? readPercents(String(form.get('percents'))) : [];
}

/** Chooses the thresholds of a key or the account. `percents` are the current ones; null if none were set. */
export function ThresholdFields(props: {
  ofKey: boolean;
  percents: number[] | null;
  wrong: string | undefined;
}) {
  const { ofKey, percents, wrong } = props;
  const isDefault = percents === null || (!ofKey && String(percents) === String(defaultPercents));
  const first = isDefault ? 'default' : percents.length === 0 ? 'never' : 'percents';
  const [which, setWhich] = useState(first);
  const before = percents === null || percents.length === 0 ? defaultPercents : percents;
  return (
    <>
      <Choice
        legend="When to alert"
        name="which"
        initial={first}
        onChange={setWhich}
        options={[
          {
            value: 'default',
            name: 'Default',
            hint: ofKey ? 'The same as the account.' : `Alert ${percentWords(defaultPercents)}.`,
          },
          { value: 'percents', name: 'At custom percentages of the quota' },
          { value: 'never', name: 'Never' },
        ]}
      />
      {which === 'percents' && (
        <Field
          label="Percentages"
          hint="Up to five whole numbers from 10 to 100, separated by commas."
          error={wrong}
        >
          <input name="percents" defaultValue={before.join(', ')} autoComplete="off" />
        </Field>
      )}
    </>
  );
}
