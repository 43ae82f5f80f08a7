import styles from './loading.module.css';

/** Says that something is on its way; only once it has been for a moment. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <p role="status" className={styles.loading}>
      {what} …
    </p>
  );
}
