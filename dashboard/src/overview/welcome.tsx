import { KeyRound } from 'lucide-react';
import { Link } from 'react-router';
import { buttonClass } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';

/** What somebody sees who has no key yet: the way to the first one. */
export function Welcome() {
  return (
    <EmptyState icon={<KeyRound size={28} aria-hidden />} title="Welcome">
      <p>
        You have no keys yet. A key lets your code use the proxy; what it uses is shown here from
        its first request on.
      </p>
      <Link to="/keys" className={buttonClass('primary')}>
        Create your first key
      </Link>
    </EmptyState>
  );
}
