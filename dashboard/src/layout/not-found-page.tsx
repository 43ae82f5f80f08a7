import { Link } from 'react-router';
import { Page } from './page.tsx';

/** For an address that leads nowhere. */
export function NotFoundPage() {
  return (
    <Page title="There is no such page">
      <p>
        Go to the <Link to="/">overview</Link> or to your <Link to="/keys">keys</Link>.
      </p>
    </Page>
  );
}
