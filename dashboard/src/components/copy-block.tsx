import { Check, Copy } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './copy-block.module.css';
import { useCopy } from './use-copy.ts';

/** Lines of code with a copy button. Wrapped lines are copied unwrapped. */
export function CopyBlock(props: { name: string; value: string; children: ReactNode }) {
  const { name, value, children } = props;
  const { copy, shown, copied, outcome } = useCopy(value);
  const Icon = copied ? Check : Copy;
  return (
    <div className={styles.block} role="group" aria-label={name}>
      <div className={styles.head}>
        <span className={styles.note} data-covered={outcome ? true : undefined}>
          {children}
        </span>
        <span role="status" className={styles.outcome}>
          {outcome}
        </span>
        <button type="button" className={styles.copy} onClick={() => void copy()}>
          <Icon size={16} aria-hidden />
          Copy<span className="visually-hidden"> {name}</span>
        </button>
      </div>
      <pre className={styles.lines}>
        {/* a browser that translates pages would send the text to a server */}
        <code ref={shown} translate="no">
          {value}
        </code>
      </pre>
    </div>
  );
}
