import { useState } from 'react';
import { Choice } from '../components/choice.tsx';
import { Field } from '../components/field.tsx';
import styles from './own-limit.module.css';

/** One limit of a key: the tier's, or a custom value. The field is shown only for a custom value. */
export function OwnLimit(props: {
  name: string;
  legend: string;
  /** The tier's limit, in words. */
  ofTier: string;
  label: string;
  hint: string | undefined;
  initial: string;
  isOwn: boolean;
  error: string | undefined;
}) {
  const { name, legend, ofTier, label, hint, initial, error } = props;
  const [isOwn, setOwn] = useState(props.isOwn);
  return (
    <div className={styles.limit}>
      <Choice
        legend={legend}
        name={`${name}-of`}
        options={[
          { value: 'tier', name: ofTier },
          { value: 'own', name: 'Custom limit' },
        ]}
        initial={isOwn ? 'own' : 'tier'}
        onChange={(value) => setOwn(value === 'own')}
      />
      {isOwn && (
        <Field label={label} {...(hint ? { hint } : {})} error={error}>
          <input
            name={name}
            defaultValue={initial}
            inputMode="decimal"
            required
            maxLength={24}
            autoComplete="off"
          />
        </Field>
      )}
    </div>
  );
}
