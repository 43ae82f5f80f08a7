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

/** What saves a form with ThresholdFields in it, of a key or of the account, and says what is wrong with it. */
export function useThresholdForm(keyId: string | undefined, onSaved: () => void): ThresholdForm {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const action = useAction(async (form: FormData) => {
    const { percents } = await setThresholds(supabase, readThresholds(form), keyId);
    announce(`You are alerted ${percentWords(percents)} now.`);
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

/** The thresholds that a form has chosen; null for those by default. */
function readThresholds(form: FormData): number[] | null {
  const which = form.get('which');
  if (which === 'default') return null;
  return which === 'percents' ? readPercents(String(form.get('percents'))) : [];
}

/** Chooses thresholds, of a key or of the account. `percents` is what is set; null where nothing is. */
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
        legend="When are you alerted?"
        name="which"
        initial={first}
        onChange={setWhich}
        options={[
          {
            value: 'default',
            name: 'As by default',
            hint: ofKey ? 'Like the account.' : `Alerted ${percentWords(defaultPercents)}.`,
          },
          { value: 'percents', name: 'At percents of the quota that you choose' },
          { value: 'never', name: 'Never' },
        ]}
      />
      {which === 'percents' && (
        <Field
          label="Percents"
          hint="Up to five whole numbers from 10 to 100, with commas between them."
          error={wrong}
        >
          <input name="percents" defaultValue={before.join(', ')} autoComplete="off" />
        </Field>
      )}
    </>
  );
}
