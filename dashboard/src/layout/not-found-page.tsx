import { Link } from 'react-router';
import { Page } from './page.tsx';

/** Shown for an unknown route. */
export function NotFoundPage() {
  return (
    <Page title="Page not found">
      <p>
        Go to the <Link to="/">overview</Link> or to your <Link to="/keys">keys</Link>.
      </p>
    </Page>
  );
}
