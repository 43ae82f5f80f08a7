import { KeyRound } from 'lucide-react';
import { Link } from 'react-router';
import { buttonClass } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';

/** Shown to a user without keys: the way to the first one. */
export function Welcome() {
  return (
    <EmptyState icon={<KeyRound size={28} aria-hidden />} title="Welcome">
      <p>
        You have no keys yet. A key lets your code use the proxy. Its usage appears here after the
        first request.
      </p>
      <Link to="/keys" className={buttonClass('primary')}>
        Create your first key
      </Link>
    </EmptyState>
  );
}
