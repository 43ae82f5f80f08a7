import styles from './loading.module.css';

/** Stands where something is on its way; seen only once it has been for a moment. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <div className={styles.loading}>
      <p role="status" className="visually-hidden">
        {what} …
      </p>
      {/* not around the words, which would not be read out then */}
      <div aria-busy="true" className={styles.lines}>
        <div />
        <div />
        <div />
      </div>
    </div>
  );
}
