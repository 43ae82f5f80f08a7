import styles from './loading.module.css';

/** Shown while something loads; visible only after a moment. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <div className={styles.loading}>
      <p role="status" className="visually-hidden">
        {what}…
      </p>
      {/* not around the words: a busy region is not read out */}
      <div aria-busy="true" className={styles.lines}>
        <div />
        <div />
        <div />
      </div>
    </div>
  );
}
