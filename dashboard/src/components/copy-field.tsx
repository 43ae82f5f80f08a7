import { Check, Copy } from 'lucide-react';
import { useId } from 'react';
import styles from './copy-field.module.css';
import { useCopy } from './use-copy.ts';

/** A value with a copy button. It is not in an input, because browsers store input values. */
export function CopyField({ name, value }: { name: string; value: string }) {
  const id = useId();
  const { copy, shown, copied, outcome } = useCopy(value);
  const Icon = copied ? Check : Copy;
  return (
    <div className={styles.field} role="group" aria-labelledby={id}>
      <span id={id} className={styles.name}>
        {name}
      </span>
      <div className={styles.box}>
        {/* a browser that translates pages would send the text to a server */}
        <code ref={shown} className={styles.value} translate="no">
          {value}
        </code>
        <button type="button" className={styles.copy} onClick={() => void copy()}>
          <Icon size={16} aria-hidden />
          Copy<span className="visually-hidden"> {name}</span>
        </button>
      </div>
      <span role="status" className={styles.outcome}>
        {outcome}
      </span>
    </div>
  );
}
