import { useId, useState } from 'react';
import { Choice } from '../components/choice.tsx';
import field from '../components/field.module.css';
import { alertTypes, typeWords } from './alert-types.ts';
import styles from './type-fields.module.css';

/** Chooses the alert types of a webhook. `initial` is null for all. */
export function TypeFields(props: { initial: string[] | null; error: string | undefined }) {
  const { initial, error } = props;
  const [which, setWhich] = useState(initial ? 'some' : 'all');
  const errorId = useId();
  // a test always goes to its webhook; unknown types of the webhook are kept
  const known = Object.keys(alertTypes).filter((type) => type !== 'webhook.test');
  const types = [...new Set([...known, ...(initial ?? [])])];
  return (
    <>
      <Choice
        legend="Alerts to send"
        name="which"
        initial={which}
        onChange={setWhich}
        options={[
          { value: 'all', name: 'All', hint: 'Including types that are added later.' },
          { value: 'some', name: 'Selected types' },
        ]}
      />
      {which === 'some' && (
        <fieldset className={styles.types} aria-describedby={error ? errorId : undefined}>
          <legend className="visually-hidden">Alert types</legend>
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

/** The chosen types of a form with TypeFields; null for all. */
export function readTypes(form: FormData): string[] | null {
  return form.get('which') === 'some' ? form.getAll('types').map(String) : null;
}

/** Returns the mistake in a choice of types, or undefined. */
export function checkTypes(types: string[] | null): string | undefined {
  return types?.length === 0 ? 'Select at least one type.' : undefined;
}
