import { Check, Copy } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import styles from './copy-field.module.css';

/** A value to be taken elsewhere, with a button that copies it. It is in no input: browsers keep those. */
export function CopyField({ name, value }: { name: string; value: string }) {
  const id = useId();
  const text = useRef<HTMLElement>(null);
  const [outcome, setOutcome] = useState<'copied' | 'selected'>();

  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), 4_000);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(value);
      setOutcome('copied');
    } catch {
      // an insecure origin has no clipboard, and a browser may refuse it
      if (text.current) getSelection()?.selectAllChildren(text.current);
      setOutcome('selected');
    }
  }
  const Icon = outcome === 'copied' ? Check : Copy;
  return (
    <div className={styles.field} role="group" aria-labelledby={id}>
      <span id={id} className={styles.name}>
        {name}
      </span>
      <div className={styles.box}>
        {/* a browser that translates pages would send it out */}
        <code ref={text} className={styles.value} translate="no">
          {value}
        </code>
        <button type="button" className={styles.copy} onClick={() => void copy()}>
          <Icon size={16} aria-hidden />
          Copy<span className="visually-hidden"> {name}</span>
        </button>
      </div>
      <span role="status" className={styles.outcome}>
        {outcome === 'copied' && 'Copied.'}
        {outcome === 'selected' && 'Selected: copy it with Ctrl+C or ⌘C.'}
      </span>
    </div>
  );
}
