import styles from './swatch.module.css';

/**
 * A legend's swatch: filled for the current period, outlined and wider for the one before, a line for a
 * quota.
 */
export function Swatch({ of }: { of: 'current' | 'before' | 'quota' }) {
  return <span aria-hidden className={styles[of]} />;
}
