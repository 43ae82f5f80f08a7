import { type ComponentProps, useState } from 'react';
import { Field } from '../components/field.tsx';
import styles from './password-field.module.css';

/** A password, which can be shown while it is typed. */
export function PasswordField({
  label,
  ...input
}: { label: string } & Pick<ComponentProps<'input'>, 'name' | 'autoComplete'>) {
  const [shown, setShown] = useState(false);
  return (
    <div className={styles.box}>
      <Field label={label}>
        <input
          {...input}
          type={shown ? 'text' : 'password'}
          // what is shown is still no text to correct, nor to learn
          autoCapitalize="none"
          spellCheck={false}
          required
          maxLength={72}
        />
      </Field>
      <button type="button" className={styles.show} onClick={() => setShown(!shown)}>
        {shown ? 'Hide' : 'Show'}
        <span className="visually-hidden"> {label.toLowerCase()}</span>
      </button>
    </div>
  );
}
