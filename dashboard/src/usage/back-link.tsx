import { ChevronLeft } from 'lucide-react';
import { Link } from 'react-router';
import styles from './list-bar.module.css';
import { type Span, withSpan } from './span.ts';

/** A link from a list back to the key's page, or to the overview. */
export function BackLink({ keyId, span }: { keyId: string; span: Span }) {
  return (
    <Link to={withSpan(keyId ? `/keys/${keyId}` : '/', span)} className={styles.back ?? ''}>
      <ChevronLeft size={18} aria-hidden />
      {keyId ? 'Key' : 'Overview'}
    </Link>
  );
}
