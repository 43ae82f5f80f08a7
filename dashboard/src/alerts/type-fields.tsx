import { useId, useState } from 'react';
import { Choice } from '../components/choice.tsx';
import field from '../components/field.module.css';
import { alertTypes, typeWords } from './alert-types.ts';
import styles from './type-fields.module.css';

/** Chooses which alerts a webhook gets. `initial` is null for all. */
export function TypeFields(props: { initial: string[] | null; error: string | undefined }) {
  const { initial, error } = props;
  const [which, setWhich] = useState(initial ? 'some' : 'all');
  const errorId = useId();
  // a test is sent to whom it is for; what is newer than this page stays
  const known = Object.keys(alertTypes).filter((type) => type !== 'webhook.test');
  const types = [...new Set([...known, ...(initial ?? [])])];
  return (
    <>
      <Choice
        legend="Which alerts does it get?"
        name="which"
        initial={which}
        onChange={setWhich}
        options={[
          { value: 'all', name: 'All', hint: 'Also types that are new later.' },
          { value: 'some', name: 'Those that you choose' },
        ]}
      />
      {which === 'some' && (
        <fieldset className={styles.types} aria-describedby={error ? errorId : undefined}>
          <legend className="visually-hidden">Types of alerts</legend>
          {types.map((type, index) => (
            <label key={type}>
              <input
                type="checkbox"
                name="types"
                value={type}
                defaultChecked={initial?.includes(type) ?? false}
                aria-invalid={error && index === 0 ? true : undefined}
                aria-describedby={error && index === 0 ? errorId : undefined}
              />
              {typeWords(type)}
            </label>
          ))}
          {error && (
            <p id={errorId} className={field.error}>
              {error}
            </p>
          )}
        </fieldset>
      )}
    </>
  );
}

/** The types that a form with TypeFields has chosen; null for all. */
export function readTypes(form: FormData): string[] | null {
  return form.get('which') === 'some' ? form.getAll('types').map(String) : null;
}

/** What is wrong with a choice of types; undefined if nothing is. */
export function checkTypes(types: string[] | null): string | undefined {
  return types?.length === 0 ? 'Choose at least one.' : undefined;
}
