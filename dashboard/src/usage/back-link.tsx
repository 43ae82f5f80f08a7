import { ChevronLeft } from 'lucide-react';
import { Link } from 'react-router';
import styles from './list-bar.module.css';
import { type Span, withSpan } from './span.ts';

/** From a list back to what it is a part of: a key's page, or the overview. */
export function BackLink({ keyId, span }: { keyId: string; span: Span }) {
  return (
    <Link to={withSpan(keyId ? `/keys/${keyId}` : '/', span)} className={styles.back ?? ''}>
      <ChevronLeft size={18} aria-hidden />
      {keyId ? 'The key' : 'Overview'}
    </Link>
  );
}
