import styles from './swatch.module.css';

/** What the bars of a period look like: those of the current one are filled, those before it outlined and wider; a quota is a line. */
export function Swatch({ of }: { of: 'current' | 'before' | 'quota' }) {
  return <span aria-hidden className={styles[of]} />;
}
