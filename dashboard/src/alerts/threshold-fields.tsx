import { type RefObject, useRef, useState } from 'react';
import { Choice } from '../components/choice.tsx';
import { Field } from '../components/field.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import { setThresholds } from '../data/alert-actions.ts';
import type { Refusal } from '../data/refusal.ts';
import { useFocusOnWrong } from '../key/use-focus-on-wrong.ts';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import { checkPercents, defaultPercents, percentWords, readPercents } from './percents.ts';

interface ThresholdForm {
  form: RefObject<HTMLFormElement | null>;
  wrong: string | undefined;
  refusal: Refusal | undefined;
  busy: boolean;
  /** Saves what the form has, of a key or of the account, unless it is wrong. */
  save(form: HTMLFormElement, keyId: string | undefined): void;
}

/** What saves a form with ThresholdFields in it. */
export function useThresholdForm(onSaved: () => void): ThresholdForm {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const [wrong, setWrong] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  useFocusOnWrong(form, wrong);
  const { run, busy, refusal } = useAction(
    async (wanted: number[] | null, keyId: string | undefined) => {
      const { percents } = await setThresholds(supabase, wanted, keyId);
      announce(`You are alerted ${percentWords(percents)} now.`);
      onSaved();
    },
  );
  return {
    form,
    wrong,
    refusal,
    busy,
    save(filled, keyId) {
      const data = new FormData(filled);
      const which = data.get('which');
      const typed = which === 'percents' ? readPercents(String(data.get('percents'))) : [];
      const mistake = which === 'percents' ? checkPercents(typed) : undefined;
      setWrong(mistake);
      if (!mistake) void run(which === 'default' ? null : typed, keyId);
    },
  };
}

/** Chooses thresholds, of a key or of the account. `percents` is what is set; null where nothing is. */
export function ThresholdFields(props: {
  ofKey: boolean;
  percents: number[] | null;
  state: ThresholdForm;
}) {
  const { ofKey, percents, state } = props;
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
          error={state.wrong}
        >
          <input name="percents" defaultValue={before.join(', ')} autoComplete="off" />
        </Field>
      )}
      {state.refusal && <RefusalNotice refusal={state.refusal} />}
    </>
  );
}
