import { type ComponentProps, useState } from 'react';
import { Field } from '../components/field.tsx';
import styles from './password-field.module.css';

/** A password field with a button that shows the password. */
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
          // browsers must not correct or learn a visible password
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
